// That the page shows what the server says.
import assert from "node:assert/strict";

import {figures, rowOf, shown, until} from "./browser.js";
import {Load} from "./load.js";

const number = text => Number(text.replaceAll(",", ""));

export async function showsAQueueUnderLoad({browser, server}) {
  const page = await browser.open(server.address + "/");
  const load = new Load(server.calls + "/t/demo/slow", 16);
  // Sixteen callers and four workers: but for moments, twelve wait.
  await until(page, "twelve wait for four", async () => {
    const q = await server.queue("slow");
    const row = await shown(page, "demo/slow");
    const same = q.states.waiter === 12 && q.busy === 4 && row.waiting === "12" && row.busy === "4" &&
      row.idle === "0" && row.state === "waiting, none idle" && row.name.includes("for 4 running calls");
    return same || {row, waiting: q.states.waiter, busy: q.busy};
  });
  await until(page, "20 calls a second", async () => {
    const {calls} = await shown(page, "demo/slow");
    return Math.abs(number(calls) - 20) <= 4 || calls;
  });
  await until(page, "the totals", async () => {
    const {totals} = await server.stats();
    const tiles = await page.evaluate(() => [...document.querySelectorAll("#totals dd")].map(n => n.textContent));
    const said = [totals.queues, totals.states.waiter, totals.states.starter, totals.idle, totals.busy].map(String);
    return said.every((text, i) => text === tiles[i]) || {said, tiles};
  });
  assert.match(await page.title(), /^\d+ waiting – hotslot$/);
  await load.stop();
  await page.context().close();
}

export async function showsOneQueueInDetail({browser, server}) {
  const page = await browser.open(server.address + "/");
  const {key} = await server.queue("slow");
  const load = new Load(server.calls + "/t/demo/slow", 16);
  await until(page, "four workers", async () => (await shown(page, "demo/slow")).busy === "4" || false);
  await load.stop();
  await rowOf(page, "demo/slow").click();
  assert.equal(await page.evaluate(() => location.hash), "#key=" + key);
  // Nothing runs any more, so that both see the same.
  await until(page, "the same latencies, workers and decisions", async () => {
    const {queue, latency_ms: l, decisions, workers, policy} = await server.stats("/" + key);
    const seen = await page.evaluate(() => ({
      title: document.getElementById("detail-title").textContent,
      facts: document.getElementById("detail-facts").textContent,
      latencies: [...document.querySelectorAll("#latencies tbody tr")].map(r => [...r.cells].map(c => c.textContent)),
      immediate: document.getElementById("immediate").textContent,
      decisions: [...document.querySelectorAll("#decisions .reason")].map(n => n.textContent),
      workers: [...document.querySelectorAll("#workers tbody tr")].map(r => [...r.cells].map(c => c.textContent)),
      counters: Object.fromEntries([...document.querySelectorAll("#counters div")].map(d =>
        [d.firstChild.textContent, d.lastChild.textContent])),
    }));
    const counts = seen.latencies.map(row => number(row[1]));
    const same = seen.title === "demo/slow" && seen.facts.includes(key) && seen.facts.includes(policy) &&
      counts.join() === [l.wait.call, l.wait.start, l.wait.resources, l.run, l.start].map(h => h.count).join() &&
      Math.abs(number(seen.latencies[3][2]) - l.run.p50) < 1 && Math.abs(number(seen.latencies[0][5]) - l.wait.call.p99_9) < 1 &&
      seen.immediate.startsWith(`${l.immediate} of `) &&
      seen.decisions.join() === decisions.map(d => d.reason).reverse().join() &&
      seen.workers.map(w => [w[0], w[1], w[4]].join()).join(";") === workers.map(w => [w.id, w.state, w.calls].join()).join(";") &&
      number(seen.counters.acquired) === queue.totals.acquired && number(seen.counters.launched) === queue.totals.launched;
    return same || seen;
  });
  await page.waitForFunction(() => document.getElementById("workers-chart").getAttribute("aria-label").includes("0 busy, 4 idle"));
  await assertDrawn(page, "#calls-chart");
  await assertDrawn(page, "#workers-chart");
  // What the reader points at is what the legend says.
  const chart = await page.locator("#workers-chart").boundingBox();
  await page.mouse.move(chart.x + chart.width - 2, chart.y + 20);
  await page.waitForFunction(() => / ago$/.test(document.getElementById("workers-legend").textContent));
  await page.mouse.move(0, 0);
  const said = () => page.textContent("#workers-legend");
  assert.doesNotMatch(await said(), / ago$/);
  await page.focus("#workers-chart");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("ArrowLeft");
  assert.match(await said(), / ago$/);
  await page.context().close();
}

async function assertDrawn(page, canvas) {
  const colours = await page.locator(canvas).evaluate(node => {
    const {data} = node.getContext("2d").getImageData(0, 0, node.width, node.height);
    return new Set(new Uint32Array(data.buffer)).size;
  });
  assert.ok(colours > 2, `${canvas} shows nothing`);
}

export async function showsTroubleInWordsShapesAndColours({browser, server}) {
  const page = await browser.open(server.address + "/");
  for (let calls = 0; calls < 3; ++calls)
    assert.equal(await server.call("broken"), 502);
  await until(page, "an open breaker", async () => {
    const row = await shown(page, "demo/broken");
    return row.state === "breaker open" && /exited with status 1/.test(row.name) || row;
  });
  assert.equal(await page.evaluate(() => document.querySelector("#rows button").textContent), "demo/broken",
    "what is worst comes first");
  const shapes = await page.evaluate(() => [...document.querySelectorAll("#rows .shape")]
    .map(n => getComputedStyle(n)).map(s => s.clipPath + s.borderRadius + s.borderTopWidth));
  assert.notEqual(shapes[0], shapes.at(-1));
  await rowOf(page, "demo/broken").click();
  await page.waitForFunction(() => /Last start failed .* ago: .*exited with status 1/.test(
    document.getElementById("detail-error").textContent));
  const {totals} = await server.queue("broken");
  assert.equal(totals.failed, 3);
  await until(page, "the errors", async () => {
    const {errors} = await shown(page, "demo/broken");
    return number(errors) === totals.failed || {errors, failed: totals.failed};
  });
  await page.context().close();
}

export async function takesNoTextForMarkup({browser, server}) {
  const page = await browser.open(server.address + "/");
  const {name} = (await server.stats()).queues.find(q => q.name.includes("<"));
  await rowOf(page, "demo/" + name).click();
  await page.waitForFunction(wanted => document.getElementById("detail-title").textContent === wanted, "demo/" + name);
  await figures(page);
  assert.equal(await page.locator("main img, main script, main b:not(.legend b)").count(), 0);
  await page.context().close();
}
