// What both plots have in common: a sharp canvas, the colours of the page, axes.

/** A cleared context in CSS pixels, and the colours of the page as it is now, light or dark. */
export function prepare(canvas) {
  const { width, height } = sizeOf(canvas);
  const ratio = window.devicePixelRatio || 1;
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
  }
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--${name}`).trim();
  return {
    context,
    colours: {
      ink: colour("ink"), soft: colour("soft"), faint: colour("faint"), good: colour("good"),
      first: colour("first"), second: colour("second"),
      dark: matchMedia("(prefers-color-scheme: dark)").matches,
    },
  };
}

export const sizeOf = (canvas) => ({ width: canvas.clientWidth, height: canvas.clientHeight });

/** Where the data lies; both plots use the same left and right, so that their round trips line up. */
export function frame({ width, height }, bottomless) {
  const left = width < 500 ? 60 : 70;
  const box = { left, top: 14, width: width - left - 24, height: height - 14 - (bottomless ? 10 : 42) };
  return box;
}

const kDigits = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
export const numberText = (value) => kDigits.format(value + 0 || 0).replace("-", "−");

/** Round numbers between low and high, about `wanted` of them. */
export function ticks(low, high, wanted) {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((s) => s * power).find((s) => s >= rough);
  const out = [];
  for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; ++k) out.push(k * step);
  return out;
}

/** Grid, numbers and names of the axes: rounds 0…end across, low…high upwards. */
export function axes(context, colours, box, { end, low, high, label, rounds }) {
  context.font = "12px system-ui, sans-serif";
  context.lineWidth = 1;
  context.fillStyle = colours.soft;
  context.textBaseline = "middle";
  context.textAlign = "right";
  for (const value of ticks(low, high, Math.max(3, Math.min(6, box.height / 55)))) {
    const y = Math.round(box.top + box.height * (1 - (value - low) / (high - low))) + 0.5;
    context.strokeStyle = colours.faint;
    context.globalAlpha = value === 0 ? 1 : 0.7;
    context.beginPath();
    context.moveTo(box.left, y);
    context.lineTo(box.left + box.width, y);
    context.stroke();
    context.globalAlpha = 1;
    context.fillText(numberText(value), box.left - 8, y);
  }
  context.textAlign = "center";
  context.textBaseline = "top";
  for (const value of ticks(0, end, Math.max(2, Math.min(8, box.width / 110)))) {
    const x = Math.round(box.left + (box.width * value) / end) + 0.5;
    context.strokeStyle = colours.faint;
    context.globalAlpha = 0.7;
    context.beginPath();
    context.moveTo(x, box.top);
    context.lineTo(x, box.top + box.height);
    context.stroke();
    context.globalAlpha = 1;
    if (rounds) context.fillText(numberText(value), x, box.top + box.height + 7);
  }
  if (rounds) context.fillText("round trip", box.left + box.width / 2, box.top + box.height + 23);
  context.save();
  context.translate(8, box.top + box.height / 2);
  context.rotate(-Math.PI / 2);
  context.textBaseline = "middle";
  context.fillText(label, 0, 0);
  context.restore();
}
