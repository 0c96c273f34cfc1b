// A problem to begin with: a Sherrington–Kirkpatrick spin glass, every pair coupled by +1 or −1.

/** Bits that are the same in every browser (mulberry32). */
function* bits(seed) {
  let state = seed;
  for (;;) {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    yield ((t ^ (t >>> 14)) >>> 31) & 1;
  }
}

/** The textbook machine: pulses that feel their neighbours, pumped slowly from below threshold. Their noise
 *  grows into signs where the pump crosses it. */
export const kExampleSettings = {
  runs: 64,
  steps: 1000,
  parameters: { model: "truncated-wigner", law: "linear", dt: "0.1", xi: "0.04", pump: "-0.1:1.2" },
};

/** The problem as a file in dimod's COO text: energy sum of J s s. */
export function spinGlass(spins) {
  const random = bits(20260101);
  const lines = ["# vartype=SPIN"];
  for (let i = 0; i < spins; ++i) {
    for (let j = i + 1; j < spins; ++j) lines.push(`${i} ${j} ${random.next().value === 1 ? 1 : -1}.0`);
  }
  return new File([lines.join("\n") + "\n"], `sk${spins}-example.coo`, { type: "text/plain" });
}
