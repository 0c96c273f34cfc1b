// node run.js OPOLOOP: the page's tests, or one line that says why they are skipped.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync);

function skip(why) {
  console.log(`page tests skipped: ${why}`);
  process.exit(0);
}

if (Number(process.versions.node.split(".")[0]) < 18) skip("node is older than 18");
if (chromium === undefined) skip("no chromium (Debian: chromium)");
for (const name of ["playwright-core", "axe-core"]) {
  if (!existsSync(join(here, "node_modules", name))) skip(`no ${name} (npm ci --prefix tests/page)`);
}
const ran = spawnSync(process.execPath, ["--test", "--test-reporter=spec", join(here, "page.test.js")], {
  stdio: "inherit",
  env: { ...process.env, OPOLOOP: process.argv[2] ?? join(here, "../../build/release/opoloop"), CHROMIUM: chromium },
});
process.exit(ran.status ?? 1);
