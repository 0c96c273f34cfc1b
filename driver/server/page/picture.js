// The amplitudes of one run as they have come so far: what the plots, the table and the slider read.

export class Picture {
  /** `shape`: the server's event `run`: pulses, rounds, runs, run, spins. */
  constructor(shape) {
    this.shape = shape;
    this.rows = [];  // [round, pump, energy, [amplitude of each pulse]]
    this.stride = 1;
    this.largest = 0;  // of |amplitude|
  }

  get pulses() { return this.shape.pulses.length; }
  get last() { return this.rows.at(-1); }

  add({ stride, rows }) {
    if (stride > this.stride) {
      // The server has thinned what it keeps, and so do we: memory stays bounded on both sides.
      this.stride = stride;
      this.rows = this.rows.filter((row) => row[0] % stride === 0);
      this.largest = 0;
      this.measure(this.rows);
    }
    this.measure(rows);
    this.rows.push(...rows);
  }

  measure(rows) {
    for (const row of rows) {
      for (const x of row[3]) if (Math.abs(x) > this.largest) this.largest = Math.abs(x);
    }
  }

  /** The number of rows up to a round trip. */
  upTo(round) {
    let low = 0;
    let high = this.rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.rows[middle][0] <= round) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** How many pulses are positive and negative in a row, and how large they are. */
  static summary(row) {
    let up = 0;
    let down = 0;
    let sum = 0;
    for (const x of row[3]) {
      if (x > 0) ++up;
      else if (x < 0) ++down;
      sum += Math.abs(x ?? 0);
    }
    return { up, down, mean: sum / Math.max(1, row[3].length) };
  }

  /** The lowest energy up to each row. */
  lowest() {
    let best = Infinity;
    return this.rows.map((row) => (best = Math.min(best, row[2] ?? Infinity)));
  }
}
