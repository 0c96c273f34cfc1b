// Puts the parts together: which job is on the stage, and what its events do.
import { download, getJson, readEvents, request, RequestError } from "./api.js";
import { showParameters } from "./device_sheet.js";
import { JobList } from "./jobs.js";
import { Player } from "./player.js";
import { numberText } from "./plot_frame.js";
import { announce, clearTiles, ended, showProgress, showResult, showState } from "./result_view.js";
import { SubmitForm } from "./submit_form.js";

const element = (id) => document.getElementById(id);
const kLargestAnswer = 20e6;  // spins in all samples: more is for the run file, not for a browser
const kAgain_ms = 1000;
const kUntouched_ms = 60000;

let watched = null;  // the job on the stage: {job, run, stop, over, byItself}
let opening = null;  // the one that comes there when the server knows it
let touched = -Infinity;

const player = new Player((run) => { if (watched !== null) watch(watched.job.id, run); });
const form = new SubmitForm((job) => {
  jobs.update(job);
  watch(job.id);
  element("stage-title").scrollIntoView({ block: "nearest" });
});
const jobs = new JobList((id) => watch(id), (listed) => {
  // A page that nobody touches shows what runs. Under somebody's hand nothing changes by itself: Cancel would
  // come where Download was.
  const running = listed.filter(({ state }) => state === "running").at(-1);
  if (!running || opening !== null) return;
  const untouched = watched !== null && watched.byItself && performance.now() - touched > kUntouched_ms;
  if (watched === null || (untouched && watched.over && watched.job.id !== running.id)) watch(running.id, 0, true);
});

const pause = () => new Promise((resolve) => { setTimeout(resolve, kAgain_ms); });

function showLine(id, message) {
  const line = element(id);
  line.hidden = message === "";
  if (line.textContent !== message) line.textContent = message;
}

/** How the server can be reached; empty where it can. */
const connection = (message) => showLine("connection", message);

/** What came of something that was asked for, until the next thing is asked for. */
const notice = (message) => showLine("notice", message);

/** Where asking again may help: no answer, a gateway's or the server's "not now". */
const passes = ({ status }) => status === 0 || status === 502 || status === 503;

/** Asks again until the server answers; what it refuses is thrown, and an AbortError where nobody waits any more. */
async function patiently(mine, ask) {
  for (;;) {
    try {
      const answer = await ask();
      mine.stop.signal.throwIfAborted();
      connection("");
      return answer;
    } catch (error) {
      mine.stop.signal.throwIfAborted();
      if (!passes(error)) throw error;
      connection(error.status === 0 ? "The connection to the server is lost; trying again." : `${error.message}; trying again.`);
      await pause();
      mine.stop.signal.throwIfAborted();
    }
  }
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
  const result = await patiently(watch, () => getJson(`/v1/jobs/${job.id}/result`));
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

/** Puts a job on the stage and follows it to its end. Until the server knows it, the stage stays as it is. */
async function watch(id, run = 0, byItself = false) {
  opening?.stop.abort();
  const mine = { job: null, run, stop: new AbortController(), over: false, byItself };
  opening = mine;
  if (!byItself) notice("");
  try {
    mine.job = await patiently(mine, () => getJson(`/v1/jobs/${id}`, { signal: mine.stop.signal }));
    opening = null;
    const same = watched?.job.id === id;
    watched?.stop.abort();
    watched = mine;
    history.replaceState(null, "", `#${id}`);
    jobs.update(mine.job);
    jobs.select(id);
    const draws = form.device(mine.job.device)?.capabilities.trajectories ?? true;
    player.bestKnown = targetOf(mine.job);
    player.clear(draws ? "waiting for the first round trip" : `${mine.job.device} has no amplitudes; its answer is below`);
    clearTiles();
    showHead(mine.job);
    if (!same) announce(`Watching ${mine.job.problem.name || "a job"}: ${mine.job.state}.`);
    await patiently(mine, async () => {
      await readEvents(`/v1/jobs/${id}/events?amplitudes=${run}`, mine.stop.signal, (name, data) => onEvent(mine, name, data));
      if (!mine.over) throw new RequestError("The stream ended early.", 0, "unreachable");
    });
    if (player.picture === null && draws) {
      player.clear("the amplitudes of this job are no longer kept; run it with amplitudes in the run file to see them later");
    }
    await showEnd(mine);
  } catch (error) {
    if (mine.stop.signal.aborted) return;
    if (opening === mine) opening = null;
    notice(error.status === 404 ? "This server has no job of that id." : error.message);
  }
}

/** Does something with the job on the stage; what goes wrong stands beside the buttons, unless another job is
 *  there by then. */
async function act(what) {
  const mine = watched;
  element("action-note").textContent = "";
  try {
    await what(mine.job);
  } catch (error) {
    if (mine === watched) element("action-note").textContent = error.message;
  }
}

element("cancel").addEventListener("click", () => act(async (job) => {
  announce("Cancelling.");  // before it is asked for: the job's end may come before the answer
  await request(`/v1/jobs/${job.id}`, { method: "DELETE" });
}));

element("download").addEventListener("click", () => act((job) =>
  download(`/v1/jobs/${job.id}/result.h5`, `opoloop-${job.id.slice(0, 8)}.h5`)));

for (const name of ["pointermove", "pointerdown", "keydown"]) {
  addEventListener(name, () => { touched = performance.now(); }, { passive: true });
}

element("open-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const id = element("job-id").value.trim();
  if (/^[0-9a-f]{32}$/.test(id)) watch(id);
  else notice("The id of a job has 32 hexadecimal digits.");
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
  if (/^[0-9a-f]{32}$/.test(id) && id !== watched?.job.id) watch(id);
});
start();
