// The numbers of a job: energy, success, progress, state.
import { numberText } from "./plot_frame.js";

const element = (id) => document.getElementById(id);
const kStates = { queued: "waiting", running: "running", done: "done", failed: "failed", cancelled: "cancelled" };

/** 95% interval of a proportion, after Wilson (1927). */
export function wilson(successes, trials) {
  const z = 1.959964;
  const p = successes / trials;
  const middle = (p + (z * z) / (2 * trials)) / (1 + (z * z) / trials);
  const half = (z / (1 + (z * z) / trials)) * Math.sqrt((p * (1 - p)) / trials + (z * z) / (4 * trials * trials));
  return [Math.max(0, middle - half), Math.min(1, middle + half)];
}

/** Energies of the same state may differ by the rounding of long sums. */
const reaches = (energy, target) => energy <= target + 1e-9 * (1 + Math.abs(target));

const percent = (part) => `${numberText(Math.round(part * 1000) / 10)}%`;

export const ended = (state) => state !== "queued" && state !== "running";

export function showState(job) {
  const state = element("state");
  state.hidden = false;
  state.textContent = kStates[job.state] ?? job.state;
  state.dataset.state = job.state;
  element("progress").hidden = job.state !== "running" && job.state !== "queued";
  element("actions").hidden = false;
  element("cancel").hidden = ended(job.state);
  element("download").hidden = job.state !== "done" && job.state !== "cancelled";
}

export function clearTiles() {
  for (const id of ["tile-energy", "tile-gap", "tile-success", "tile-progress"]) element(id).textContent = "–";
  for (const id of ["tile-energy-note", "tile-gap-note", "tile-success-note", "tile-rate", "action-note"]) {
    element(id).textContent = "";
  }
  element("progress").value = 0;
}

function showEnergy(energy, target) {
  if (energy === null) return;
  element("tile-energy").textContent = numberText(energy);
  if (target === null) {
    element("tile-gap").textContent = "–";
    element("tile-gap-note").textContent = "give a best known energy to compare";
    return;
  }
  const reached = reaches(energy, target);
  element("tile-gap").textContent = reached && energy >= target - 1e-9 * (1 + Math.abs(target)) ? "reached"
    : numberText(energy - target);
  element("tile-gap-note").textContent = `best known ${numberText(target)}`;
}

/** While it runs: `progress` of the server. */
export function showProgress(progress, target) {
  element("progress").value = progress.fraction;
  element("tile-progress").textContent = percent(progress.fraction);
  element("tile-rate").textContent = progress.rate_per_s > 0
    ? `${new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 }).format(progress.rate_per_s)} round trips/s`
    : "";
  showEnergy(progress.best_energy, target);
}

/** At the end: the whole answer. */
export function showResult(result, target) {
  const energies = result.samples.map((sample) => sample.energy_best).filter((e) => typeof e === "number");
  const runs = energies.length;
  element("tile-progress").textContent = `${runs} of ${result.runs} runs`;
  element("tile-rate").textContent = `${numberText(result.steps)} round trips each`;
  if (runs === 0) {
    element("tile-success-note").textContent = "no run has ended";
    return;
  }
  const lowest = energies.reduce((a, b) => Math.min(a, b));
  showEnergy(lowest, target);
  element("tile-energy-note").textContent = `of ${runs} runs`;
  const wanted = target ?? lowest;
  const hits = energies.filter((energy) => reaches(energy, wanted)).length;
  const [low, high] = wilson(hits, runs);
  element("tile-success").textContent = percent(hits / runs);
  element("tile-success-note").textContent = `${hits} of ${runs} runs ${target === null ? "found the lowest energy" : "reached the best known"}` +
    ` (95%: ${percent(low)} to ${percent(high)})`;
}

let announced = "";
/** Says something once to those who listen rather than look. */
export function announce(words) {
  if (words === announced) return;
  announced = words;
  element("announce").textContent = words;
}
