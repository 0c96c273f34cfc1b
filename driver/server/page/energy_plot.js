// Under the hero: the energy of the signs at each round trip, the lowest so far, and the best known.
import { axes, frame, prepare, sizeOf } from "./plot_frame.js";

/** Draws the rows of a picture up to number `count`; `bestKnown` may be null. */
export function drawEnergies(canvas, picture, count, bestKnown) {
  const { context, colours } = prepare(canvas);
  const rows = picture ? picture.rows : [];
  if (rows.length === 0) return;
  const box = frame(sizeOf(canvas), 0);
  const energies = rows.map((row) => row[2]).filter((energy) => energy !== null);
  if (bestKnown !== null) energies.push(bestKnown);
  // The first few round trips are far above the rest: what matters is lower.
  energies.sort((a, b) => a - b);
  let low = energies[0] ?? 0;
  let high = energies[Math.floor(0.97 * (energies.length - 1))] ?? 0;
  if (!(low < high)) [low, high] = [low - 1, low + 1];
  const room = 0.08 * (high - low);
  [low, high] = [low - room, high + room];
  const end = Math.max(1, picture.last[0]);
  const x = (round) => box.left + (round / end) * box.width;
  const y = (energy) => box.top + box.height * (1 - (energy - low) / (high - low));
  context.save();
  axes(context, colours, box, { end, low, high, label: "energy", rounds: true });

  if (bestKnown !== null) {
    context.strokeStyle = colours.good;
    context.setLineDash([6, 5]);
    context.lineWidth = 1.5;
    context.beginPath();
    context.moveTo(box.left, y(bestKnown));
    context.lineTo(box.left + box.width, y(bestKnown));
    context.stroke();
    context.setLineDash([]);
    context.fillStyle = colours.good;
    context.textAlign = "right";
    context.textBaseline = "bottom";
    context.fillText("best known", box.left + box.width - 4, y(bestKnown) - 3);
  }
  context.beginPath();
  context.rect(box.left, box.top, box.width + 2, box.height);
  context.clip();
  const lowest = picture.lowest();
  const line = (colour, width, value) => {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    let pen = false;
    for (let k = 0; k < Math.max(1, count); ++k) {
      const energy = value(k);
      if (energy === null || !Number.isFinite(energy)) continue;
      if (pen) context.lineTo(x(rows[k][0]), y(energy));
      else context.moveTo(x(rows[k][0]), y(energy));
      pen = true;
    }
    context.stroke();
  };
  context.globalAlpha = 0.75;
  line(colours.soft, 1, (k) => rows[k][2]);
  context.globalAlpha = 1;
  line(colours.ink, 1.8, (k) => lowest[k]);
  context.restore();
}
