// What somebody does with the page of opoloop serve, in a real browser.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import axe from "axe-core";
import { openPage, pixelsOf, ring, startBrowser, startServer } from "./harness.js";

const kToken = "correct-horse-battery";
let open;
let locked;
let browser;

before(async () => {
  [open, locked, browser] = await Promise.all([startServer(), startServer({ token: kToken, flags: ["--list-jobs"] }), startBrowser()]);
});

after(async () => {
  await Promise.all([browser?.close(), open?.stop(), locked?.stop()]);
});

const stateIs = (page, state) => page.locator("#state", { hasText: new RegExp(`^${state}$`) }).waitFor();
const text = (page, id) => page.locator(`#${id}`).textContent();

/** Sends a job that only cancelling ends; its id. */
async function runForEver(page, spins) {
  await page.locator("#file").setInputFiles(ring(spins));
  await page.fill("#steps", "1000000000000");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await stateIs(page, "running");
  return page.url().split("#")[1];
}

test("a file is uploaded, its pulses are drawn, its answer is shown and saved", async () => {
  const { page, context, complaints } = await openPage(browser, open.url);
  await page.locator("#file").setInputFiles(ring(30));
  await page.fill("#runs", "20");
  await page.fill("#steps", "600");
  await page.fill("#seed", "7");
  await page.fill("#target", "-30");  // every bond satisfied
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await stateIs(page, "done");
  await page.locator("#amplitudes[data-lines='30']").waitFor();
  assert.equal(await text(page, "stage-title"), "ring30.txt");
  // Both branches of the bifurcation are there, in their colours, and the energy below them.
  assert.ok(await pixelsOf(page, "amplitudes", "--first") > 500);
  assert.ok(await pixelsOf(page, "amplitudes", "--second") > 500);
  assert.ok(await pixelsOf(page, "energies", "--good") > 50);
  await page.locator("#tile-success-note", { hasText: "of 20 runs reached the best known" }).waitFor();
  const [, hits] = /^(\d+) of 20/.exec(await text(page, "tile-success-note"));
  assert.equal(await text(page, "tile-success"), `${Math.round((Number(hits) / 20) * 1000) / 10}%`);
  // The picture in words, and as a table that agrees with it.
  const label = await page.getAttribute("#amplitudes", "aria-label");
  const [, up, down] = /from 0 to 600: at the end (\d+) positive, (\d+) negative/.exec(label);
  assert.equal(Number(up) + Number(down), 30);
  await page.click("summary");
  const last = await page.locator("#table tbody tr").last().locator("th, td").allTextContents();
  assert.deepEqual([last[0], last[3], last[4]], ["600", up, down]);
  // The slider shows an earlier round trip.
  await page.locator("#scrub").focus();
  await page.keyboard.press("Home");
  await page.locator("#reading", { hasText: "round trip 0," }).waitFor();
  // Another run of the same job.
  await page.selectOption("#run", "2");
  await page.locator("#reading", { hasText: "round trip 600," }).waitFor();
  assert.ok((await text(page, "sheet")).includes("In force for this job"));

  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  assert.match(file.suggestedFilename(), /\.h5$/);
  assert.deepEqual([...readFileSync(await file.path()).subarray(1, 4)], [..."HDF"].map((c) => c.charCodeAt(0)));
  // The address is that of the job: another tab shows it again, though it has ended.
  const { page: other, context: theirs } = await openPage(browser, page.url());
  await stateIs(other, "done");
  await other.locator("#amplitudes[data-lines='30']").waitFor();
  assert.deepEqual(complaints, []);
  await Promise.all([context.close(), theirs.close()]);
});

test("a long job is watched while it runs, and cancelled", async () => {
  const { page, context, complaints } = await openPage(browser, open.url);
  await page.locator("#file").setInputFiles(ring(24));
  await page.fill("#steps", "1000000000000");
  await page.fill("#runs", "4");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await stateIs(page, "running");
  await page.locator("#amplitudes[data-lines='24']").waitFor();
  // It moves while it runs.
  const earlier = await page.$eval("#scrub", (slider) => Number(slider.max));
  await page.waitForFunction((than) => Number(document.getElementById("scrub").max) > than, earlier);
  await page.locator("#queue", { hasText: /^[12] running, \d+ waiting$/ }).waitFor();
  await page.click("#cancel");
  await stateIs(page, "cancelled");
  assert.ok(await page.locator("#cancel").isHidden());
  assert.ok(await page.locator("#download").isVisible());
  await page.locator("#announce", { hasText: "The job is cancelled" }).waitFor({ state: "attached" });
  assert.deepEqual(complaints, []);
  await context.close();
});

test("the end of a cancelled job is said last, though the answer to cancelling comes after it", async () => {
  const { page, context, complaints } = await openPage(browser, open.url);
  await page.evaluate(() => {
    const { fetch } = window;
    const held = new Promise((resolve) => { window.letGo = resolve; });
    window.fetch = async (path, options) => {
      const answer = await fetch(path, options);
      if (options?.method === "DELETE") await held;
      return answer;
    };
  });
  await runForEver(page, 12);
  await page.click("#cancel");
  await page.locator("#announce", { hasText: "The job is cancelled" }).waitFor({ state: "attached" });
  await page.evaluate(() => new Promise((resolve) => { window.letGo(); setTimeout(resolve); }));
  assert.match(await text(page, "announce"), /^The job is cancelled/);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a job that the server does not know leaves the one on the stage as it is", async () => {
  const { page, context, complaints } = await openPage(browser, open.url, { expected: /status of (404|503)/ });
  const id = await runForEver(page, 12);
  await page.fill("#job-id", "0".repeat(32));
  await page.getByRole("button", { name: "Watch", exact: true }).click();
  await page.locator("#notice", { hasText: "no job of that id" }).waitFor();
  assert.equal(page.url().split("#")[1], id);
  // It goes on, and can be cancelled; what the server says to that stands there though the job goes on moving.
  let refuse = true;
  await page.route(`**/v1/jobs/${id}`, (route) => {
    if (!refuse || route.request().method() !== "DELETE") return route.continue();
    return route.fulfill({ status: 503, json: { error: { code: "storage", message: "the disk is full" } } });
  });
  await page.click("#cancel");
  await page.locator("#action-note", { hasText: "the disk is full" }).waitFor();
  const earlier = await page.$eval("#scrub", (slider) => Number(slider.max));
  await page.waitForFunction((than) => Number(document.getElementById("scrub").max) > than, earlier);
  assert.equal(await text(page, "action-note"), "the disk is full");
  refuse = false;
  await page.click("#cancel");
  await stateIs(page, "cancelled");
  assert.equal(await text(page, "action-note"), "");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("Run pressed twice, and an answer lost on its way, are one job", async () => {
  const { page, context, complaints } = await openPage(browser, open.url);
  await page.locator("#device option").first().waitFor({ state: "attached" });
  await page.evaluate(() => {
    const { fetch } = window;
    window.answered = [];
    window.fetch = async (path, options) => {
      const answer = await fetch(path, options);
      if (options?.method !== "POST") return answer;
      window.answered.push((await answer.clone().json()).id);
      if (window.answered.length === 1) throw new TypeError("Failed to fetch");
      return answer;
    };
  });
  await page.locator("#file").setInputFiles(ring(10));
  await page.fill("#steps", "100");
  await page.evaluate(() => {
    document.getElementById("submit").click();
    document.getElementById("submit").click();
  });
  await stateIs(page, "done");
  const answered = await page.evaluate(() => window.answered);
  assert.equal(answered.length, 2);  // of one press
  assert.equal(answered[0], answered[1]);
  assert.equal(await page.locator("#jobs button").count(), 1);
  assert.deepEqual(complaints, []);
  await context.close();
});

test("two tabs keep one list of jobs", async () => {
  const { page, context, complaints } = await openPage(browser, open.url);
  const other = await context.newPage();
  await other.goto(open.url);
  const id = await runForEver(page, 12);
  await other.locator("#jobs button").waitFor();
  // Whichever tab writes last, the jobs of both are kept.
  await other.click("#example");
  await stateIs(other, "done");
  await page.click("#cancel");
  await stateIs(page, "cancelled");
  await page.locator("#jobs button").nth(1).waitFor();
  const kept = await page.evaluate(() => JSON.parse(localStorage.getItem("opoloop-jobs")));
  assert.deepEqual(new Set(kept.map((job) => job.id)), new Set([id, other.url().split("#")[1]]));
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a bad file and bad settings are answered with what is wrong", async () => {
  const { page, context, complaints } = await openPage(browser, open.url, { expected: /status of 400/ });
  const broken = { name: "broken.txt", mimeType: "text/plain", buffer: Buffer.from("3 3\n1 2 1\n2 9 1\n1 3 1\n") };
  await page.locator("#file").setInputFiles(broken);
  await page.getByRole("button", { name: "Run", exact: true }).click();
  const error = page.locator("#form-error[role=alert]");
  await error.waitFor();
  // The server's own words.
  const form = new FormData();
  form.append("job", "{}");
  form.append("problem", new Blob([broken.buffer]), broken.name);
  const said = await (await fetch(`${open.url}/v1/jobs`, { method: "POST", body: form })).json();
  assert.equal(await error.textContent(), said.error.message);
  assert.match(said.error.message, /broken\.txt.*3/);
  assert.ok(await page.locator("#state").isHidden());
  // A field that is wrong is named, marked and focused; nothing is sent.
  await page.fill("#runs", "many");
  await page.getByRole("button", { name: "Run", exact: true }).click();
  await page.locator("#form-error", { hasText: "Runs: must be a whole number" }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "runs");
  assert.equal(await page.getAttribute("#runs", "aria-invalid"), "true");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a server with a token is asked for it, once", async () => {
  const { page, context, complaints } = await openPage(browser, locked.url, { expected: /status of 401/ });
  const dialog = page.getByRole("dialog", { name: "This server asks for a token" });
  await dialog.waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.id), "token");
  await page.keyboard.press("Escape");
  // A browser may close it all the same.
  await page.evaluate(() => document.getElementById("token-dialog").close());
  await dialog.waitFor();
  await page.locator("#token").focus();
  await page.keyboard.type("wrong");
  await page.keyboard.press("Enter");
  await page.locator("#token-error", { hasText: "not the token of this server" }).waitFor();
  await page.keyboard.type(kToken);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  // A job's life with it: sent, watched, saved.
  await page.locator("#device option").first().waitFor({ state: "attached" });
  await page.click("#first-example");
  await stateIs(page, "done");
  await page.locator("#amplitudes[data-lines='100']").waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  assert.ok(readFileSync(await file.path()).length > 1000);
  assert.equal(await page.evaluate(() => JSON.stringify(localStorage).includes("correct-horse")), false);
  await page.reload();
  await stateIs(page, "done");
  assert.ok(await dialog.isHidden());
  assert.deepEqual(complaints, []);
  await context.close();
});

test("everything can be done with the keyboard, and one sees where it is", async () => {
  const { page, context } = await openPage(browser, open.url);
  await page.locator("#device option").first().waitFor({ state: "attached" });
  // From now on, not from the moment the key is pressed, which would be too late.
  const opened = page.waitForEvent("filechooser");
  const focused = () => page.evaluate(() => {
    const element = document.activeElement;
    return { id: element.id, outline: getComputedStyle(element).outlineStyle, words: element.textContent.trim() };
  });
  await page.keyboard.press("Tab");
  assert.match((await focused()).words, /^Skip/);
  await page.keyboard.press("Enter");
  const order = [];
  const tabTo = async (id) => {
    for (let k = 0; k < 20; ++k) {
      await page.keyboard.press("Tab");
      const now = await focused();
      assert.notEqual(now.outline, "none", `focus on ${now.id || now.words} cannot be seen`);
      order.push(now.id);
      if (now.id === id) return;
    }
    assert.fail(`${id} is not reached: ${order.join(", ")}`);
  };
  await tabTo("file");
  await page.keyboard.press("Enter");
  const chooser = await opened;
  await chooser.setFiles(ring(10));
  await tabTo("runs");
  await page.keyboard.type("5");
  await tabTo("steps");
  await page.keyboard.type("200");
  await page.keyboard.press("Enter");
  await stateIs(page, "done");
  assert.deepEqual(order, ["file", "device", "preset", "runs", "steps"]);
  await page.locator("#announce", { hasText: /The job is done\. Lowest energy −10/ }).waitFor({ state: "attached" });
  await context.close();
});

test("a file dropped anywhere is run, and a device without amplitudes says so", async () => {
  const { page, context, complaints } = await openPage(browser, open.url);
  await page.locator("#device option").first().waitFor({ state: "attached" });
  await page.selectOption("#device", "annealing:");
  assert.ok(await page.locator("#preset-field").isHidden());
  const transfer = await page.evaluateHandle((content) => {
    const files = new DataTransfer();
    files.items.add(new File([content], "dropped.txt"));
    return files;
  }, ring(12).buffer.toString());
  await page.dispatchEvent("body", "dragenter", { dataTransfer: transfer });
  await page.locator("#drop-shade").waitFor();
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
  await stateIs(page, "done");
  assert.ok(await page.locator("#drop-shade").isHidden());
  assert.equal(await text(page, "stage-title"), "dropped.txt");
  await page.locator("#empty", { hasText: "annealing: has no amplitudes" }).waitFor();
  await page.locator("#tile-energy", { hasText: "−12" }).waitFor();
  assert.deepEqual(complaints, []);
  await context.close();
});

test("a server that lists its jobs shows by itself what somebody else runs", async () => {
  const { page, context, complaints } = await openPage(browser, locked.url, { expected: /status of 401/ });
  await page.locator("#token").fill(kToken);
  await page.keyboard.press("Enter");
  const headers = { Authorization: `Bearer ${kToken}` };
  const submit = async (spins, name) => {
    const form = new FormData();
    form.append("job", '{"settings":{"steps":1000000000000,"runs":1}}');
    form.append("problem", new Blob([ring(spins).buffer]), name);
    return (await (await fetch(`${locked.url}/v1/jobs`, { method: "POST", body: form, headers })).json()).id;
  };
  const cancel = (id) => fetch(`${locked.url}/v1/jobs/${id}`, { method: "DELETE", headers });
  const somebodys = await submit(16, "somebody.txt");
  await page.locator("#stage-title", { hasText: "somebody.txt" }).waitFor();
  await page.locator("#amplitudes[data-lines='16']").waitFor();
  await cancel(somebodys);
  await stateIs(page, "cancelled");
  // Where somebody is about to press a button, nothing changes until a minute after the last touch.
  await page.locator("#download").hover();
  const next = await submit(18, "next.txt");
  await page.locator("#jobs button", { hasText: /next\.txt.*running/ }).waitFor();
  await page.waitForResponse((response) => response.url().endsWith("/v1/jobs"));
  assert.equal(await text(page, "stage-title"), "somebody.txt");
  await page.evaluate(() => {
    const now = performance.now.bind(performance);
    performance.now = () => now() + 61000;
  });
  await page.locator("#stage-title", { hasText: "next.txt" }).waitFor();
  await cancel(next);
  await stateIs(page, "cancelled");
  assert.deepEqual(complaints, []);
  await context.close();
});

test("nothing that axe finds stands in the way of anybody, light and dark, wide and narrow", async () => {
  const check = async (page, what, options) => {
    await page.evaluate(axe.source);
    const { violations } = await page.evaluate(([where, how]) => window.axe.run(where, how), options);
    assert.deepEqual(violations.map(({ id, nodes }) => `${what}: ${id}: ${nodes[0].html}`), []);
  };
  // All rows of a table look alike.
  const part = { exclude: [["#sheet dl > div:nth-child(n + 4)"], ["#table tbody tr:nth-child(n + 3)"]] };
  const { page, context, complaints } = await openPage(browser, open.url, { colorScheme: "dark", viewport: { width: 400, height: 800 } });
  await page.click("#example");
  await stateIs(page, "done");
  await page.locator("#tile-success-note", { hasText: "runs" }).waitFor();
  await page.click("summary");
  await page.evaluate(() => { document.getElementById("form-error").hidden = false; });
  await check(page, "dark, narrow", [part, {}]);
  // Nothing sticks out sideways.
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.emulateMedia({ colorScheme: "light" });
  await check(page, "light", [part, { runOnly: ["color-contrast"] }]);
  assert.deepEqual(complaints, []);
  await context.close();
  const { page: asked, context: theirs } = await openPage(browser, locked.url);
  await asked.getByRole("dialog").waitFor();
  await check(asked, "token", [{ include: [["#token-dialog"]] }, {}]);
  await theirs.close();
});
