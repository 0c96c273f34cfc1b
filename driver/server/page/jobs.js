// The jobs of this browser, and where the server lists its jobs (serve --list-jobs) those too. Otherwise whoever
// knows the id of a job sees it, nobody else.
import { getJson } from "./api.js";
import { ended } from "./result_view.js";

const kKey = "opoloop-jobs";
const kKept = 20;
const kPoll_ms = 1500;

export class JobList {
  /** Calls onOpen(id) for a job that the user picks, onListed(jobs) with what the server lists. */
  constructor(onOpen, onListed) {
    this.onOpen = onOpen;
    this.onListed = onListed;
    this.list = document.getElementById("jobs");
    this.current = null;
    this.listed = false;  // whether the server lists its jobs
    this.jobs = [];
    try {
      this.jobs = JSON.parse(localStorage.getItem(kKey) ?? "[]").filter((job) => typeof job.id === "string");
    } catch { /* what is not ours is not read */ }
    this.draw();
    setInterval(() => this.poll(), kPoll_ms);
    this.poll();
  }

  /** Adds a job, or takes over what has become of it. */
  update(job) {
    const entry = { id: job.id, name: job.problem?.name, spins: job.problem?.spins, device: job.device, state: job.state, created: job.created_unix_s };
    const known = this.jobs.find(({ id }) => id === job.id);
    if (known) {
      const same = known.state === (entry.state ?? known.state);
      for (const [key, value] of Object.entries(entry)) if (value !== undefined) known[key] = value;
      if (same) return;
    } else {
      this.jobs.push(entry);
      this.jobs.sort((a, b) => (b.created ?? 0) - (a.created ?? 0));
    }
    if (this.jobs.length > kKept) {
      // Those that run stay, wherever they stand.
      const running = this.jobs.filter(({ state }) => !ended(state));
      this.jobs = [...running, ...this.jobs.filter(({ state }) => ended(state))].slice(0, Math.max(kKept, running.length));
    }
    this.save();
  }

  select(id) {
    this.current = id;
    this.draw();
  }

  save() {
    localStorage.setItem(kKey, JSON.stringify(this.jobs));
    this.draw();
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
