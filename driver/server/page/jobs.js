// The jobs of this browser, and where the server lists its jobs (serve --list-jobs) those too. Otherwise whoever
// knows the id of a job sees it, nobody else.
import { getJson } from "./api.js";
import { ended } from "./result_view.js";

const kKey = "opoloop-jobs";
const kKept = 20;
const kPoll_ms = 1500;

function stored() {
  try {
    return JSON.parse(localStorage.getItem(kKey) ?? "[]").filter((job) => typeof job.id === "string");
  } catch {
    return [];  // what is not ours is not read
  }
}

export class JobList {
  /** Calls onOpen(id) for a job that the user picks, onListed(jobs) with what the server lists. */
  constructor(onOpen, onListed) {
    this.onOpen = onOpen;
    this.onListed = onListed;
    this.list = document.getElementById("jobs");
    this.current = null;
    this.listed = false;  // whether the server lists its jobs
    this.jobs = stored();
    this.gone = new Set();  // ids that the server no longer knows
    addEventListener("storage", ({ key }) => {
      if (key !== kKey) return;
      this.merge(stored());
      this.draw();
    });
    this.draw();
    this.pollForEver();
  }

  /** What another tab has stored meanwhile. */
  merge(others) {
    const unknown = others.filter(({ id }) => !this.gone.has(id) && !this.jobs.some((job) => job.id === id));
    if (unknown.length === 0) return;
    this.jobs.push(...unknown);
    this.trim();
  }

  /** Newest first; of too many, the oldest go. Those that run stay, wherever they stand. */
  trim() {
    this.jobs.sort((a, b) => (b.created ?? 0) - (a.created ?? 0));
    if (this.jobs.length <= kKept) return;
    const running = this.jobs.filter(({ state }) => !ended(state));
    this.jobs = [...running, ...this.jobs.filter(({ state }) => ended(state))].slice(0, Math.max(kKept, running.length));
  }

  /** Adds a job, or takes over what has become of it. */
  update(job) {
    const entry = { id: job.id, name: job.problem?.name, spins: job.problem?.spins, device: job.device, state: job.state, created: job.created_unix_s };
    const known = this.jobs.find(({ id }) => id === job.id);
    if (known) {
      // An answer may be older than what the stream of events has told: what has ended stays so.
      if (ended(known.state) && !ended(entry.state)) return;
      const same = known.state === entry.state;
      for (const [key, value] of Object.entries(entry)) if (value !== undefined) known[key] = value;
      if (same) return;
    } else {
      this.jobs.push(entry);
      this.trim();
    }
    this.save();
  }

  select(id) {
    this.current = id;
    this.draw();
  }

  save() {
    this.merge(stored());
    localStorage.setItem(kKey, JSON.stringify(this.jobs));
    this.draw();
  }

  /** One poll at a time, however long the server takes. */
  async pollForEver() {
    await this.poll();
    setTimeout(() => this.pollForEver(), kPoll_ms);
  }

  /** Jobs that are not being watched end too. */
  async poll() {
    if (document.hidden) return;
    if (this.listed) {
      try {
        const { jobs } = await getJson("/v1/jobs");
        for (const job of jobs.reverse()) this.update(job);
        this.onListed(jobs);
      } catch { /* the next time */ }
      return;
    }
    for (const job of this.jobs.filter(({ id, state }) => !ended(state) && id !== this.current)) {
      try {
        this.update(await getJson(`/v1/jobs/${job.id}`));
      } catch (error) {
        if (error.status !== 404) return;
        this.gone.add(job.id);
        this.jobs = this.jobs.filter(({ id }) => id !== job.id);
        this.save();
      }
    }
  }

  draw() {
    document.getElementById("no-jobs").hidden = this.jobs.length > 0;
    const focused = document.activeElement?.dataset?.job;
    this.list.replaceChildren(...this.jobs.map((job) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.job = job.id;
      if (job.id === this.current) button.setAttribute("aria-current", "true");
      const name = document.createElement("strong");
      name.textContent = job.name || "problem";
      const state = document.createElement("span");
      state.className = "state";
      state.dataset.state = job.state;
      state.textContent = job.state;
      const what = document.createElement("span");
      what.className = "soft";
      what.textContent = `${job.spins} spins, ${job.device}`;
      button.append(name, " ", state, " ", what);
      button.addEventListener("click", () => this.onOpen(job.id));
      item.append(button);
      return item;
    }));
    if (focused) this.list.querySelector(`[data-job="${focused}"]`)?.focus();
  }
}
