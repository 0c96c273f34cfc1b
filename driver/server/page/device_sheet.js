// The data sheet of a device, and what was in force for a job.
import { numberText } from "./plot_frame.js";

const sheet = document.getElementById("sheet");

function part(caption, rows) {
  const title = document.createElement("h3");
  title.textContent = caption;
  const list = document.createElement("dl");
  for (const { name, value, unit, source } of rows) {
    const row = document.createElement("div");
    const term = document.createElement("dt");
    term.textContent = name;
    const text = document.createElement("dd");
    text.textContent = value === null ? "not published" : written(value, unit);
    if (value === null) text.className = "soft";
    if (source) {
      const from = document.createElement("small");
      from.textContent = source;
      text.append(from);
    }
    row.append(term, text);
    list.append(row);
  }
  return [title, list];
}

/** A value for reading: six digits, and a unit where it is a number. */
function written(value, unit) {
  if (value === "" || !Number.isFinite(Number(value))) return value;
  return numberText(Number(value)) + (unit ? ` ${unit}` : "");
}

function limits({ capabilities: c }) {
  return [
    { name: "spins", value: c.max_spins > 0 ? `up to ${c.max_spins}` : "as many as fit in memory" },
    { name: "couplings", value: c.coupling_bits === null ? "real numbers" : `integers of ${c.coupling_bits} bit` },
    { name: "linear term", value: c.linear_term ? "yes" : "by an ancilla pulse" },
    { name: "amplitudes", value: c.trajectories ? "yes" : "no" },
    { name: "proves its optimum", value: c.exact ? "yes" : "no" },
  ];
}

/** A device as the server offers it. */
export function showDevice(device) {
  const parts = part(`What ${device.uri} takes`, limits(device));
  if (device.sheet !== null) parts.unshift(...part(device.sheet.title, device.sheet.rows));
  sheet.replaceChildren(...parts);
}

/** What a job ran with: the answer's parameters, on top of the device. */
export function showParameters(device, result) {
  showDevice(device);
  const rows = Object.entries(result.parameters).map(([name, parameter]) =>
    ({ name: name.replaceAll("_", " "), value: parameter.value, unit: parameter.unit }));
  sheet.prepend(...part("In force for this job", rows));
}
