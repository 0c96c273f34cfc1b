// Puts the parts together: which job is on the stage, and what its events do.
import { download, getJson, readEvents, request } from "./api.js";
import { showParameters } from "./device_sheet.js";
import { JobList } from "./jobs.js";
import { Player } from "./player.js";
import { numberText } from "./plot_frame.js";
import { announce, clearTiles, ended, showProgress, showResult, showState } from "./result_view.js";
import { SubmitForm } from "./submit_form.js";

const element = (id) => document.getElementById(id);
const kLargestAnswer = 20e6;  // spins in all samples: more is for the run file, not for a browser
const kAgain_ms = 1000;

let watched = null;  // {job, run, stop}

const player = new Player((run) => watch(watched.job.id, run));
const form = new SubmitForm((job) => {
  jobs.update(job);
  watch(job.id);
  element("stage-title").scrollIntoView({ block: "nearest" });
});
const jobs = new JobList((id) => watch(id), (listed) => {
  // A page that nobody touches shows what runs.
  const running = listed.filter(({ state }) => state === "running").at(-1);
  if (running && (watched === null || (watched.byItself && watched.over && watched.job?.id !== running.id))) {
    watch(running.id, 0, true);
  }
});

function connection(message) {
  const line = element("connection");
  line.hidden = message === "";
  if (line.textContent !== message) line.textContent = message;
}

function showHead(job) {
  element("stage-title").textContent = job.problem.name || "Problem";
  element("stage-note").textContent = `${numberText(job.problem.spins)} spins on ${job.device}, seed ${job.settings.seed}`;
  document.title = `${job.problem.name || "problem"} – opoloop`;
  showState(job);
}

const targetOf = (job) => job.settings.target_energy ?? null;

async function showEnd(watch) {
  const { job } = watch;
  const device = form.device(job.device);
  player.describe();
  if (job.state === "failed") {
    announce(`The job failed: ${job.error}`);
    element("stage-note").textContent = job.error;
    return;
  }
  if (job.problem.spins * (job.settings.runs ?? 128) * 2 > kLargestAnswer) {
    announce(`The job is ${job.state}.`);
    element("tile-success-note").textContent = "too many runs to count here: see the run file";
    return;
  }
  const result = await getJson(`/v1/jobs/${job.id}/result`);
  if (watch !== watched) return;
  showResult(result, targetOf(job));
  if (device) showParameters(device, result);
  announce(`The job is ${job.state}. Lowest energy ${element("tile-energy").textContent}. Success ${element("tile-success").textContent}.`);
}

function onEvent(watch, name, data) {
  if (watch !== watched) return;
  connection("");
  if (name === "run") {
    player.begin(data);
  } else if (name === "rows") {
    player.add(data);
  } else {
    if (watch.job.state !== data.state && data.state === "running") announce("The job is running.");
    Object.assign(watch.job, { state: data.state, progress: data.progress, error: data.error });
    showState(watch.job);
    showProgress(data.progress, targetOf(watch.job));
    jobs.update(watch.job);
    watch.over = name === "end";
  }
}

/** Puts a job on the stage and follows it to its end. */
async function watch(id, run = 0, byItself = false) {
  watched?.stop.abort();
  const mine = { job: null, run, stop: new AbortController(), over: false, byItself };
  const same = watched?.job?.id === id;
  mine.job = same ? watched.job : null;
  watched = mine;
  try {
    const job = await getJson(`/v1/jobs/${id}`, { signal: mine.stop.signal });
    if (watched !== mine) return;
    mine.job = job;
    history.replaceState(null, "", `#${id}`);
    jobs.update(job);
    jobs.select(id);
    const draws = form.device(job.device)?.capabilities.trajectories ?? true;
    player.bestKnown = targetOf(job);
    player.clear(draws ? "waiting for the first round trip" : `${job.device} has no amplitudes; its answer is below`);
    clearTiles();
    showHead(job);
    if (!same) announce(`Watching ${job.problem.name || "a job"}: ${job.state}.`);
    while (!mine.over) {
      try {
        await readEvents(`/v1/jobs/${id}/events?amplitudes=${run}`, mine.stop.signal, (name, data) => onEvent(mine, name, data));
        if (!mine.over) throw new Error("the stream ended early");
      } catch (error) {
        if (error.name === "AbortError" || watched !== mine) return;
        if (error.status === 404) throw error;
        connection("The connection to the server is lost; trying again.");
        await new Promise((resolve) => setTimeout(resolve, kAgain_ms));
        if (watched !== mine) return;
      }
    }
    if (player.picture === null && draws) {
      player.clear("the amplitudes of this job are no longer kept; run it with amplitudes in the run file to see them later");
    }
    await showEnd(mine);
  } catch (error) {
    if (error.name === "AbortError" || watched !== mine) return;
    connection(error.status === 404 ? "This server has no job of that id." : error.message);
  }
}

element("cancel").addEventListener("click", async () => {
  announce("Cancelling.");  // before it is asked for: the job's end may come before the answer
  try {
    await request(`/v1/jobs/${watched.job.id}`, { method: "DELETE" });
  } catch (error) {
    connection(error.message);
  }
});

element("download").addEventListener("click", async () => {
  const note = element("download-note");
  try {
    note.textContent = "";
    await download(`/v1/jobs/${watched.job.id}/result.h5`, `opoloop-${watched.job.id.slice(0, 8)}.h5`);
  } catch (error) {
    note.textContent = error.message;
  }
});

element("open-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = element("job-id").value.trim();
  if (/^[0-9a-f]{32}$/.test(id)) watch(id);
  else connection("The id of a job has 32 hexadecimal digits.");
});

async function pollQueue() {
  if (!document.hidden) {
    try {
      const queue = await getJson("/v1/queue");
      element("queue").textContent = `${queue.running} running, ${queue.queued} waiting`;
      if (watched === null) connection("");
    } catch (error) {
      element("queue").textContent = "no answer";
      if (watched === null) connection(error.message);
    }
  }
  setTimeout(pollQueue, 1500);
}

async function start() {
  try {
    const [capabilities, offer] = await Promise.all([getJson("/v1/capabilities"), getJson("/v1/devices")]);
    element("version").textContent = capabilities.version;
    form.fill(offer, capabilities);
    jobs.listed = capabilities.lists_jobs;
  } catch (error) {
    connection(error.message);
    setTimeout(start, kAgain_ms);
    return;
  }
  pollQueue();
  const id = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(id)) watch(id);
}

addEventListener("hashchange", () => {
  const id = location.hash.slice(1);
  if (/^[0-9a-f]{32}$/.test(id) && id !== watched?.job?.id) watch(id);
});
start();
