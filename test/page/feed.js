// That the figures are live, and said to be stale where they are, whatever happens to the server.
import assert from "node:assert/strict";

import {figures, shown, until} from "./browser.js";
import {Load} from "./load.js";
import {Mount} from "./mount.js";

// Every text that a node or its descendants have had.
const watch = (page, selector, name) => page.evaluate(([where, as]) => {
  const seen = window[as] = new Set();
  const note = () => {
    for (const node of document.querySelectorAll(where))
      seen.add(node.textContent);
  };
  note();
  new MutationObserver(note).observe(document.body, {subtree: true, childList: true, characterData: true});
}, [selector, name]);
const seen = (page, name) => page.evaluate(as => [...window[as]], name);

export async function survivesARestart({browser, server, usual}) {
  const page = await browser.open(server.address + "/");
  await watch(page, "td.calls, #total-calls", "rates");
  let load = new Load(server.calls + "/t/demo/slow", 8);
  await until(page, "calls", async () => parseFloat((await shown(page, "demo/slow")).calls) > 0);
  browser.expected = /\/stats|\/version/;
  await server.stop();
  await load.stop();
  await page.waitForSelector(".feed.stale");
  assert.match(await page.textContent("#feed-detail"), /last figures [\d.]+ s ago.*Try now/);
  assert.ok(await page.isVisible("#feed-now"));
  await page.waitForFunction(() => /next try in \d+ s/.test(document.getElementById("feed-age").textContent));
  await server.start();
  await page.waitForSelector(".feed.live");
  assert.ok(await page.isHidden("#feed-detail"));
  load = new Load(server.calls + "/t/demo/slow", 8);
  await until(page, "figures of the new server", async () => {
    const q = await server.queue("slow");
    const row = await shown(page, "demo/slow");
    return q.busy === 4 && row.busy === "4" && row.waiting === "4" && parseFloat(row.calls) > 10 || row;
  });
  const rates = await seen(page, "rates");
  assert.ok(rates.length > 2);
  for (const text of rates)
    assert.match(text, /^(–|[\d,.]+)$/, "a rate");
  await load.stop();
  browser.expected = usual;
  await page.context().close();
}

export async function triesAgainAtOnceWhenAsked({browser, server, usual}) {
  const page = await browser.open(server.address + "/");
  browser.expected = /\/stats|\/version/;
  await server.stop();
  // The waits between attempts grow.
  await page.waitForFunction(() => /next try in [5-9] s/.test(document.getElementById("feed-age").textContent));
  await server.start();
  await page.click("#feed-now");
  await page.waitForSelector(".feed.live", {timeout: 3_000});
  browser.expected = usual;
  await page.context().close();
}

export async function isMountedAnywhere({browser, server, usual}) {
  for (const stream of ["one", "lasting"]) {
    const mount = new Mount(server.address, "/ops/hotslot");
    mount.stream = stream;
    const page = await browser.open(await mount.start() + "/");
    await watch(page, "#feed", "states");
    await figures(page, 5);
    assert.deepEqual(await seen(page, "states"), ["live"], `a stream of the kind ${stream}`);
    assert.equal(mount.count(/^\/stats\?/), 0, "it does not poll where there is a stream");
    assert.ok(mount.count(/^\/stats\/stream\?/) >= (stream === "one" ? 5 : 1));
    await page.locator("#rows tr").first().click();
    await page.waitForSelector("#latencies tbody tr");
    await page.context().close();
    await mount.close();
  }
}

export async function pollsWhereThereIsNoStream({browser, server, usual}) {
  const mount = new Mount(server.address, "/stats-of/it");
  mount.stream = "lasting";
  const page = await browser.open(await mount.start() + "/");
  await watch(page, "#feed", "states");
  browser.expected = /\/stats\/stream/;
  mount.stream = "none";
  mount.cut();
  await page.waitForRequest(/\/stats\?/);
  await figures(page, 2);
  await until(page, "it is live", async () => await page.textContent("#feed-word") === "live" || false);
  assert.deepEqual(await seen(page, "states"), ["live"]);
  browser.expected = usual;
  await page.context().close();
  await mount.close();
}

// As the browser says it of a tab behind others.
const hide = (page, hidden) => page.evaluate(value => {
  Object.defineProperty(document, "hidden", {configurable: true, get: () => value});
  document.dispatchEvent(new Event("visibilitychange"));
}, hidden);

export async function asksForNothingWhileHidden({browser, server, usual}) {
  const beside = await browser.open(server.address + "/"); // by which the time is told
  for (const stream of ["lasting", "one", "none"]) {
    const mount = new Mount(server.address, "/ops");
    mount.stream = stream;
    browser.expected = stream === "none" ? /\/stats\/stream/ : usual;
    const page = await browser.open(await mount.start() + "/");
    await figures(page, 2);
    await hide(page, true);
    await until(beside, "the stream ends", () => mount.streams === 0 || mount.streams);
    await figures(beside); // one that was under way
    const asked = mount.requests.length;
    await figures(beside, 3);
    assert.equal(mount.requests.length, asked, `a stream of the kind ${stream}`);
    await page.click("#heads th:nth-child(8) button");
    assert.equal(mount.requests.length, asked, "nor by what a script does there");
    await hide(page, false);
    await figures(page, 2);
    await page.waitForSelector(".feed.live");
    assert.ok(mount.count(/by=errors/) > 0, "it goes on as it is wanted now");
    await page.context().close();
    await mount.close();
  }
  browser.expected = usual;
  await beside.context().close();
}

export async function catchesUpWhenShown({browser, server}) {
  const page = await browser.open(server.address + "/");
  await until(page, "nothing runs", async () => (await shown(page, "demo/slow")).busy === "0" || false);
  await hide(page, true);
  const load = new Load(server.calls + "/t/demo/slow", 16);
  const beside = await browser.open(server.address + "/");
  await until(beside, "four are busy", async () => (await shown(beside, "demo/slow")).busy === "4" || false);
  await beside.context().close();
  assert.equal((await shown(page, "demo/slow")).busy, "0");
  await hide(page, false);
  await until(page, "it catches up", async () => (await shown(page, "demo/slow")).busy === "4" || false);
  await load.stop();
  await page.context().close();
}
