// Shows a picture as it grows, at a round trip that the user picks, or again from the start.
import { drawAmplitudes } from "./amplitude_plot.js";
import { drawEnergies } from "./energy_plot.js";
import { Picture } from "./picture.js";
import { numberText } from "./plot_frame.js";

const kReplay_ms = 3500;
const kDescribe_ms = 1000;

export class Player {
  constructor(onRun) {
    const element = (id) => document.getElementById(id);
    this.amplitudes = element("amplitudes");
    this.energies = element("energies");
    this.empty = element("empty");
    this.emptyWords = element("empty-words");
    this.firstExample = element("first-example");
    this.bar = element("player");
    this.scrub = element("scrub");
    this.run = element("run");
    this.replayButton = element("replay");
    this.reading = element("reading");
    this.details = element("table-details");
    this.body = element("table").tBodies[0];
    this.picture = null;
    this.bestKnown = null;
    this.following = true;
    this.started = null;  // of a replay
    this.waiting = false;
    this.described = 0;

    this.scrub.addEventListener("input", () => {
      this.started = null;
      this.following = Number(this.scrub.value) === Number(this.scrub.max);
      this.redraw();
    });
    this.replayButton.addEventListener("click", () => this.replay());
    this.run.addEventListener("change", () => onRun(Number(this.run.value)));
    this.details.addEventListener("toggle", () => this.fillTable());
    new ResizeObserver(() => this.redraw()).observe(this.amplitudes);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.redraw());
  }

  /** Nothing to show (yet); `why` in words. */
  clear(why) {
    this.picture = null;
    this.bar.hidden = true;
    this.emptyWords.textContent = why;
    this.firstExample.hidden = true;
    this.empty.hidden = false;
    this.reading.textContent = "";
    this.amplitudes.setAttribute("aria-label", `Amplitude of every pulse against round trip: ${why}`);
    this.energies.setAttribute("aria-label", "Energy against round trip: nothing to show.");
    this.body.replaceChildren();
    this.redraw();
  }

  begin(shape) {
    this.picture = new Picture(shape);
    this.following = true;
    this.started = null;
    this.described = 0;
    if (this.run.options.length !== shape.runs) {
      this.run.replaceChildren(...Array.from({ length: shape.runs }, (_, k) => new Option(String(k), String(k))));
    }
    this.run.value = String(shape.run);
  }

  add(rows) {
    if (this.picture === null) return;
    const late = this.picture.rows.length === 0 && rows.rows.length > 50;
    this.picture.add(rows);
    this.bar.hidden = false;
    this.empty.hidden = true;
    // It was over before anybody could look: show how it went.
    if (late && !matchMedia("(prefers-reduced-motion: reduce)").matches) this.replay();
    else this.redraw();
  }

  replay() {
    this.following = true;
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.redraw();
      return;
    }
    this.started = performance.now();
    this.redraw();
  }

  /** The number of rows to show now. */
  count() {
    const all = this.picture.rows.length;
    if (this.started !== null) {
      const part = (performance.now() - this.started) / kReplay_ms;
      if (part < 1) return Math.max(1, Math.ceil(part * all));
      this.started = null;
    }
    return this.following ? all : Math.max(1, this.picture.upTo(Number(this.scrub.value)));
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  draw() {
    const picture = this.picture;
    if (picture === null || picture.rows.length === 0) {
      drawAmplitudes(this.amplitudes, null, 0);
      drawEnergies(this.energies, null, 0, null);
      return;
    }
    const count = this.count();
    drawAmplitudes(this.amplitudes, picture, count);
    drawEnergies(this.energies, picture, count, this.bestKnown);
    const row = picture.rows[count - 1];
    const { up, down } = Picture.summary(row);
    const words = `round trip ${numberText(row[0])}, pump ${numberText(row[1])}, energy ` +
      `${row[2] === null ? "unknown" : numberText(row[2])}, ${up} pulses positive, ${down} negative`;
    this.scrub.max = String(picture.last[0]);
    this.scrub.value = String(this.following && this.started === null ? picture.last[0] : row[0]);
    this.scrub.setAttribute("aria-valuetext", words);
    const all = picture.pulses === picture.shape.spins ? "" : ` (${picture.pulses} of ${picture.shape.spins} pulses are drawn)`;
    this.reading.textContent = words + all;
    this.amplitudes.dataset.lines = String(picture.pulses);
    this.amplitudes.dataset.rows = String(count);
    if (performance.now() - this.described > kDescribe_ms) this.describe();
    if (this.started !== null) this.redraw();
  }

  /** Words for those who do not see the canvas. */
  describe() {
    if (this.picture === null || this.picture.rows.length === 0) return;
    this.described = performance.now();
    const { up, down, mean } = Picture.summary(this.picture.last);
    this.amplitudes.setAttribute("aria-label",
      `Amplitude of ${this.picture.pulses} pulses against round trip, from 0 to ${numberText(this.picture.last[0])}: ` +
      `at the end ${up} positive, ${down} negative, mean size ${numberText(mean)}.`);
    const lowest = this.picture.lowest().at(-1);
    this.energies.setAttribute("aria-label",
      `Energy against round trip: lowest so far in this run ${Number.isFinite(lowest) ? numberText(lowest) : "unknown"}.`);
    this.fillTable();
  }

  fillTable() {
    if (!this.details.open || this.picture === null) return;
    const rows = this.picture.rows;
    const step = Math.max(1, Math.floor(rows.length / 20));
    const shown = rows.filter((_, k) => k % step === 0 || k === rows.length - 1);
    this.body.replaceChildren(...shown.map((row) => {
      const { up, down, mean } = Picture.summary(row);
      const line = document.createElement("tr");
      const values = [row[0], row[1], row[2], up, down, mean];
      values.forEach((value, column) => {
        const cell = document.createElement(column === 0 ? "th" : "td");
        if (column === 0) cell.scope = "row";
        cell.textContent = value === null ? "–" : numberText(value);
        line.append(cell);
      });
      return line;
    }));
  }
}
