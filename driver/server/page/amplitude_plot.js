// The hero: amplitude against round trip, a line a pulse, coloured by the sign it has at the end.
import { axes, frame, prepare, sizeOf } from "./plot_frame.js";

/** Draws the rows of a picture up to number `count`. */
export function drawAmplitudes(canvas, picture, count) {
  const { context, colours } = prepare(canvas);
  const size = sizeOf(canvas);
  const rows = picture ? picture.rows : [];
  if (rows.length === 0) return;
  const top = niceTop(picture.largest);
  const box = frame(size, 1);
  const end = Math.max(1, picture.live ? picture.last[0] : Math.max(picture.last[0], 1));
  const x = (round) => box.left + (round / end) * box.width;
  const y = (value) => box.top + box.height * (0.5 - value / (2 * top));
  axes(context, colours, box, { end, low: -top, high: top, label: "amplitude x", rounds: false });

  const shown = rows.slice(0, Math.max(1, count));
  const final = picture.last[3];
  context.save();
  context.beginPath();
  context.rect(box.left, box.top - 2, box.width + 2, box.height + 4);
  context.clip();
  context.lineWidth = picture.pulses > 40 ? 1.15 : 1.7;
  context.lineJoin = "round";
  context.globalAlpha = opacity(picture);
  // Both signs in turn, by index: neither hides the other.
  for (let pulse = 0; pulse < picture.pulses; ++pulse) {
    context.strokeStyle = (final[pulse] ?? 0) >= 0 ? colours.first : colours.second;
    context.beginPath();
    let pen = false;
    for (const row of shown) {
      const value = row[3][pulse];
      if (value === null) {
        pen = false;
        continue;
      }
      if (pen) context.lineTo(x(row[0]), y(value));
      else context.moveTo(x(row[0]), y(value));
      pen = true;
    }
    context.stroke();
  }
  // Where the pulses are now.
  const now = shown.at(-1);
  context.globalAlpha = 0.9;
  for (let pulse = 0; pulse < picture.pulses; ++pulse) {
    if (now[3][pulse] === null) continue;
    context.fillStyle = (final[pulse] ?? 0) >= 0 ? colours.first : colours.second;
    context.beginPath();
    context.arc(x(now[0]), y(now[3][pulse]), 1.8, 0, 2 * Math.PI);
    context.fill();
  }
  context.restore();
}

/** Few quiet lines are drawn boldly; where many swing to and fro, one has to see through them. */
function opacity(picture) {
  const step = Math.max(1, Math.floor(picture.pulses / 20));
  let travel = 0;
  let lines = 0;
  for (let pulse = 0; pulse < picture.pulses; pulse += step, ++lines) {
    for (let k = 1; k < picture.rows.length; ++k) {
      travel += Math.abs((picture.rows[k][3][pulse] ?? 0) - (picture.rows[k - 1][3][pulse] ?? 0));
    }
  }
  const swings = travel / (lines * 2 * (picture.largest || 1));  // of the whole height, a line
  return Math.max(0.16, Math.min(0.9, Math.sqrt(30 / (picture.pulses * Math.max(1, swings)))));
}

/** A round number a little above a value. */
function niceTop(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  for (const step of [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10]) {
    if (step * power >= value * 1.04) return step * power;
  }
  return 10 * power;
}
