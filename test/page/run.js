// Tests the live page in a real browser, with a real hotslotd:
//   run.js HOTSLOTD FUNCTIONS CHROMIUM OUT [NAME]
// FUNCTIONS is where the example functions are built, OUT where screenshots go, NAME a single test to run.
import {existsSync, mkdirSync} from "node:fs";
import {join} from "node:path";

const SKIPPED = 77;

function skip(why) {
  console.log("skipped: " + why);
  process.exit(SKIPPED);
}

const [hotslotd, functions, chromium, out, only] = process.argv.slice(2);
if (!out) {
  console.error("usage: run.js HOTSLOTD FUNCTIONS CHROMIUM OUT [NAME]");
  process.exit(2);
}
if (!existsSync(chromium))
  skip("no browser: Debian's is in the package chromium");
if (!existsSync(new URL("node_modules/playwright-core", import.meta.url)))
  skip("no playwright-core: npm ci in test/page installs it");

const {Browser} = await import("./browser.js");
const {BROKEN, Server, example} = await import("./server.js");
const tests = {...await import("./figures.js"), ...await import("./table.js"), ...await import("./feed.js"),
               ...await import("./looks.js")};

const [echo, slow] = ["echo", "slow"].map(name => join(functions, name));
// The first call opens its breaker, for as long as the tests run.
const broken = {starts: {breaker_failures: 1, backoff_ms: 600_000, max_backoff_ms: 600_000}};
const few = [
  example(echo, "echo"),
  example(slow, "slow", {max_workers: 4, config: {SLOW_MS: "200"}, idle_timeout_s: 300}),
  example(slow, "quick", {max_workers: 4, config: {SLOW_MS: "20"}}),
  example("/bin/false", "broken", broken),
  example(echo, "kept", {min_idle: 2}),
  example(echo, "<img src=x onerror=alert(1)><b>bold", {trigger: "/markup"}),
];

// What the browser tells of where a server has no stream.
async function usualErrors(server) {
  const stream = await fetch(server.address + "/stats/stream?top=1");
  await stream.body.cancel();
  return stream.ok ? null : /\/stats\/stream/;
}

async function run(name, world) {
  const began = performance.now();
  world.browser.wrong = [];
  world.browser.expected = world.usual;
  let failure = "";
  try {
    await tests[name](world);
    failure = world.browser.wrong.join("\n");
  } catch (e) {
    failure = [e.stack, ...world.browser.wrong].join("\n");
  }
  console.log(`${failure ? "FAILED" : "ok"} ${name}, ${((performance.now() - began) / 1000).toFixed(1)} s`);
  if (failure)
    console.log(failure);
  return !failure;
}

async function main() {
  mkdirSync(out, {recursive: true});
  const server = new Server(hotslotd, few);
  const many = new Server(hotslotd, Array.from({length: 5000}, (_, i) => BROKEN.includes("f" + i)
    ? example("/bin/false", "f" + i, broken) : example(echo, "f" + i)));
  const browser = await Browser.launch(chromium);
  let failed = 0;
  try {
    await server.start();
    await many.start();
    const world = {browser, server, many, out, usual: await usualErrors(server)};
    for (const name of Object.keys(tests).filter(n => !only || n === only))
      failed += await run(name, world) ? 0 : 1;
  } finally {
    await browser.close();
    await server.close();
    await many.close();
  }
  console.log(`${failed} failed`);
  return failed ? 1 : 0;
}

process.exit(await main());
