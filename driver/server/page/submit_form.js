// A new job: file chooser, drag and drop, settings, and what the server says about them.
import { getJson } from "./api.js";
import { kExampleSettings, spinGlass } from "./example.js";
import { showDevice } from "./device_sheet.js";

const element = (id) => document.getElementById(id);
const kButtons = ["submit", "example", "first-example"];

const randomKey = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

/** The number in a field as text, or null where it is empty. Throws what is wrong with it. */
function wholeNumber(id, least) {
  const text = element(id).value.trim();
  if (text === "") return null;
  const name = document.querySelector(`label[for=${id}]`).textContent;
  // As text: a seed may be larger than numbers of this language are exact.
  if (!/^\d{1,20}$/.test(text) || BigInt(text) < BigInt(least)) {
    throw Object.assign(new Error(`${name}: must be a whole number from ${least}, not “${text}”`), { field: id });
  }
  return text.replace(/^0+(?=\d)/, "");
}

function energy(id) {
  const text = element(id).value.trim().replace("−", "-");
  if (text === "") return null;
  if (!Number.isFinite(Number(text))) {
    throw Object.assign(new Error(`Best known energy: must be a number, not “${text}”`), { field: id });
  }
  return String(Number(text));
}

/** The form's settings as the JSON of /v1/jobs, made as text because of the seed. */
function description(emulated) {
  const settings = [];
  const add = (name, value) => { if (value !== null) settings.push(`"${name}":${value}`); };
  add("runs", wholeNumber("runs", 1));
  add("steps", wholeNumber("steps", 1));
  add("seed", wholeNumber("seed", 0));
  add("target_energy", energy("target"));
  const preset = element("preset").value;
  if (emulated && preset !== "") add("parameters", JSON.stringify({ preset }));
  if (emulated && element("log").checked) add("log_trajectories", 4);
  return `{"device":${JSON.stringify(element("device").value)},"settings":{${settings.join(",")}}}`;
}

export class SubmitForm {
  /** Calls onJob(job) with what the server has taken. */
  constructor(onJob) {
    this.onJob = onJob;
    this.devices = [];
    this.sending = false;
    this.form = element("submit-form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.submit(element("file").files[0]);
    });
    for (const id of ["example", "first-example"]) element(id).addEventListener("click", () => this.submitExample());
    element("file").addEventListener("change", () => this.choose(element("file").files[0] ?? null));
    element("device").addEventListener("change", () => this.onDevice());
    element("preset").addEventListener("change", () => this.onPreset());
    this.acceptDrops();
  }

  /** What the server offers. */
  fill(offer, capabilities) {
    this.devices = offer.devices;
    this.presets = offer.presets;
    element("device").replaceChildren(...offer.devices.map((device) => new Option(
      device.uri + (device.sheet ? ` – ${device.sheet.title}` : "") + (device.uri === offer.default ? " (default)" : ""), device.uri)));
    element("preset").append(...offer.presets.map((preset) => new Option(preset.name, preset.name)));
    element("formats").textContent = `Up to ${capabilities.limits.max_spins} spins; formats: ${capabilities.problem_formats.join(", ")}; gzip is fine.`;
    this.onDevice();
    // Until now nobody could know what the server takes.
    for (const id of kButtons) element(id).disabled = false;
  }

  device(uri) { return this.devices.find((device) => device.uri === uri); }

  onDevice() {
    const device = this.device(element("device").value);
    element("preset-field").hidden = !device.capabilities.trajectories;
    element("log").disabled = !device.capabilities.trajectories;
    showDevice(device);
  }

  onPreset() {
    const preset = this.presets.find(({ name }) => name === element("preset").value);
    element("preset-hint").textContent = preset ? preset.summary : "";
  }

  choose(file) {
    element("drop").classList.toggle("chosen", file !== null);
    this.say("");
  }

  acceptDrops() {
    const shade = element("drop-shade");
    let depth = 0;
    const files = (event) => event.dataTransfer?.types.includes("Files");
    addEventListener("dragenter", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      ++depth;
      shade.hidden = false;
    });
    addEventListener("dragleave", (event) => {
      if (!files(event)) return;
      depth = Math.max(0, depth - 1);
      shade.hidden = depth === 0;
    });
    addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      depth = 0;
      shade.hidden = true;
      const file = event.dataTransfer.files[0];
      if (!file) return;
      // The chooser shows the name, as if it had been chosen there.
      const list = new DataTransfer();
      list.items.add(file);
      element("file").files = list.files;
      this.choose(file);
      this.submit(file);
    });
  }

  say(message, field) {
    const error = element("form-error");
    for (const marked of this.form.querySelectorAll("[aria-invalid]")) marked.removeAttribute("aria-invalid");
    error.hidden = message === "";
    error.textContent = message;
    if (field !== undefined) {
      element(field).setAttribute("aria-invalid", "true");
      element(field).focus();
    }
  }

  submit(file) {
    if (this.devices.length === 0) return;  // a drop before the server has said what it takes
    this.say("");
    if (!file) {
      this.say("Problem file: choose one first.", "file");
      return;
    }
    this.send(file, () => description(this.device(element("device").value).capabilities.trajectories));
  }

  submitExample() {
    this.say("");
    const device = this.device("emulator:") ?? this.devices[0];
    this.send(spinGlass(100), () => JSON.stringify({ device: device.uri, settings: kExampleSettings }));
  }

  async send(file, describe) {
    if (this.sending) return;
    this.showSending(true);
    try {
      const form = new FormData();
      form.append("job", describe());
      form.append("problem", file, file.name);
      // The answer may be lost on its way: with the same key a second sending is not a second job.
      const headers = { "Idempotency-Key": randomKey() };
      const post = () => getJson("/v1/jobs", { method: "POST", body: form, headers });
      this.onJob(await post().catch((error) => {
        if (error.code !== "unreachable") throw error;
        return post();
      }));
    } catch (error) {
      this.say(error.code === "unreachable"
        ? "The file did not get through: it may be larger than the server takes, or the server has gone." : error.message, error.field);
    } finally {
      this.showSending(false);
    }
  }

  /** One file at a time. The buttons keep the focus, which a disabled one would lose. */
  showSending(sending) {
    this.sending = sending;
    for (const id of kButtons) element(id).setAttribute("aria-disabled", String(sending));
  }
}
