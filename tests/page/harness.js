// A server of its own for a test, and pages of it in one browser.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

/** Starts opoloop serve on a free port. */
export async function startServer({ token, flags = [] } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "opoloop-page-"));
  const environment = { ...process.env };
  delete environment.OPOLOOP_TOKEN;
  if (token) environment.OPOLOOP_TOKEN = token;
  const child = spawn(process.env.OPOLOOP, ["serve", "--port", "0", "--journal", join(folder, "journal"), "--grace", "0",
    "--workers", "2", ...flags], { env: environment, stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise((resolve, reject) => {
    createInterface({ input: child.stdout }).once("line", resolve);
    child.once("exit", (code) => reject(new Error(`opoloop serve ended with ${code}`)));
  });
  return {
    url,
    async stop() {
      const gone = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export const startBrowser = () => chromium.launch({
  executablePath: process.env.CHROMIUM,
  // Chromium refuses to run as root inside its sandbox; a graphics card is not there to be used.
  args: ["--disable-gpu", ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])],
});

/** Opens a page; `complaints` holds what it had to say for itself: exceptions, errors, breaches of its policy,
 *  requests to anywhere else. Errors that a test provokes are its business: `expected` names them. */
export async function openPage(browser, url, { expected = /$^/, ...options } = {}) {
  const context = await browser.newContext({ reducedMotion: "reduce", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(30000);
  const complaints = [];
  const complain = (text) => { if (!expected.test(text)) complaints.push(text); };
  page.on("pageerror", (error) => complain(`exception: ${error.message}`));
  page.on("console", (message) => { if (message.type() === "error") complain(message.text()); });
  page.on("request", (request) => {
    if (!request.url().startsWith(url) && !request.url().startsWith("blob:")) complain(`asked for ${request.url()}`);
  });
  await page.goto(url);
  return { page, context, complaints };
}

/** A ring of n antiferromagnetic bonds, in rudy's format; for even n its lowest energy is −n. */
export function ring(n) {
  const lines = [`${n} ${n}`];
  for (let i = 1; i <= n; ++i) lines.push(`${i} ${(i % n) + 1} 1`);
  return { name: `ring${n}.txt`, mimeType: "text/plain", buffer: Buffer.from(lines.join("\n") + "\n") };
}

/** How many pixels of a canvas have about the colour that a custom property of the page names. */
export const pixelsOf = (page, canvas, property) => page.evaluate(([id, name]) => {
  const element = document.getElementById(id);
  const colour = getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const wanted = [1, 3, 5].map((k) => parseInt(colour.slice(k, k + 2), 16));
  const strongest = wanted.indexOf(Math.max(...wanted));
  const weakest = wanted.indexOf(Math.min(...wanted));
  const { data } = element.getContext("2d").getImageData(0, 0, element.width, element.height);
  let count = 0;
  for (let k = 0; k < data.length; k += 4) {
    if (data[k + 3] > 40 && data[k + strongest] > data[k + weakest] + 60) ++count;
  }
  return count;
}, [canvas, property]);
