// That the table sorts, filters and is used by keyboard, and is left alone where nothing changes.
import assert from "node:assert/strict";

import {figures, shown, until} from "./browser.js";

const names = page => page.evaluate(() => [...document.querySelectorAll("#rows button")].map(b => b.textContent));

const column = (page, at) => page.evaluate(n => [...document.querySelectorAll("#rows tr")].map(r => r.cells[n].textContent), at);

export async function sortsByEveryColumn({browser, server}) {
  const page = await browser.open(server.address + "/");
  const heads = page.locator("#heads th");
  const count = await heads.count();
  assert.equal(count, 11);
  for (let at = 2; at < count; ++at) {
    await heads.nth(at).getByRole("button").click();
    assert.equal(await heads.nth(at).getAttribute("aria-sort"), "descending");
    await inOrder(page, at, -1);
    await heads.nth(at).getByRole("button").press("Enter");
    assert.equal(await heads.nth(at).getAttribute("aria-sort"), "ascending");
    await inOrder(page, at, 1);
    assert.equal(await page.locator("#heads [aria-sort=none]").count(), count - 1);
  }
  await heads.nth(1).getByRole("button").click();
  const sorted = await names(page);
  assert.deepEqual(sorted, [...sorted].sort((a, b) => a.localeCompare(b)));
  await heads.nth(1).getByRole("button").click();
  assert.deepEqual(await names(page), [...sorted].reverse());
  await server.call("broken");
  await heads.nth(0).getByRole("button").click();
  await until(page, "what is worst comes first", async () => (await names(page))[0] === "demo/broken" || false);
  await page.context().close();
}

async function inOrder(page, at, sign) {
  const values = (await column(page, at)).map(text => Number(text.replaceAll(",", "").replace("–", "-1").replace("<", "")));
  assert.deepEqual(values, [...values].sort((a, b) => sign * (a - b)), `column ${at}`);
  assert.ok(values.every(v => !Number.isNaN(v)), `column ${at}: ${values}`);
}

export async function filters({browser, server}) {
  const page = await browser.open(server.address + "/");
  const all = (await names(page)).length;
  const {key, id} = await server.queue("slow");
  for (const text of ["demo/SLOW", "slow", key, key.slice(7, 30).toUpperCase(), "/slow", id]) {
    await page.fill("#filter", text);
    assert.deepEqual(await names(page), ["demo/slow"], text);
    assert.equal(await page.textContent("#shown"), `1 found among ${all} queues`);
  }
  await figures(page, 2);
  assert.deepEqual(await names(page), ["demo/slow"], "it stays filtered");
  await page.fill("#filter", "there is none like it");
  assert.deepEqual(await names(page), []);
  assert.match(await page.textContent("#nothing"), /matches the filter/);
  await page.fill("#filter", "");
  assert.equal((await names(page)).length, all);
  await page.context().close();
}

const focused = page => page.evaluate(() => document.activeElement.textContent || document.activeElement.id);

export async function isUsedByKeyboard({browser, server}) {
  const page = await browser.open(server.address + "/");
  await page.focus("#filter");
  for (let i = 0; i < 12; ++i) // the headings, then the first row
    await page.keyboard.press("Tab");
  const order = await names(page);
  assert.equal(await focused(page), order[0]);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.equal(await focused(page), order[2]);
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), "none");
  await page.keyboard.press("Enter");
  await page.waitForFunction(name => document.getElementById("detail-title").textContent === name, order[2]);
  assert.equal(await page.evaluate(() => document.querySelector("#rows [aria-current=true]").textContent), order[2]);
  await figures(page, 2);
  assert.equal(await focused(page), order[2], "the focus stays, whatever comes");
  await page.keyboard.press("Tab");
  assert.equal(await focused(page), "Close", "next comes what was chosen");
  await page.keyboard.press("Escape");
  await page.waitForSelector("#detail", {state: "hidden"});
  assert.equal(await focused(page), order[2], "and back");
  await page.keyboard.press("End");
  assert.equal(await focused(page), order.at(-1));
  await page.keyboard.press("Enter");
  await page.waitForSelector("#detail", {state: "visible"});
  await page.goBack();
  await page.waitForSelector("#detail", {state: "hidden"});
  await page.context().close();
}

export async function touchesOnlyWhatChanges({browser, server}) {
  const page = await browser.open(server.address + "/");
  await until(page, "nothing runs", async () => (await shown(page, "demo/slow")).calls === "0" || false);
  await page.evaluate(() => {
    window.touched = [];
    new MutationObserver(list => window.touched.push(...list.map(m => m.type + " " + m.target.className)))
      .observe(document.getElementById("list"), {subtree: true, childList: true, characterData: true, attributes: true});
  });
  await figures(page, 3);
  assert.deepEqual(await page.evaluate(() => window.touched), []);
  await page.context().close();
}

export async function showsTheFirstOfMany({browser, many}) {
  const page = await browser.open(many.address + "/");
  const asked = [];
  page.on("request", request => asked.push(request.url()));
  await page.waitForFunction(() => document.getElementById("shown").textContent === "500 of 5,000 shown, by need");
  assert.equal((await names(page)).length, 500);
  assert.equal(await page.textContent("#total-queues"), "5,000");
  await page.getByRole("button", {name: "Calls/s"}).click();
  await many.call("f4998");
  await until(page, "the one that was called", async () => (await names(page)).includes("demo/f4998"));
  assert.ok(asked.some(url => url.includes("top=500") && url.includes("by=acquired")), asked.join("\n"));
  assert.equal(await page.textContent("#shown"), "500 of 5,000 shown, by acquired");
  // One that is not among them can be looked at all the same.
  const {key} = await many.queue("f4997");
  await page.evaluate(k => { location.hash = "key=" + k; }, key);
  await page.waitForFunction(() => document.getElementById("detail-title").textContent === "demo/f4997");
  await page.context().close();
}

export async function findsThoseBeyondTheFirst({browser, many}) {
  const page = await browser.open(many.address + "/");
  const asked = [];
  page.on("request", request => {
    const match = new URL(request.url()).searchParams.get("match");
    if (match)
      asked.push(match);
  });
  await page.waitForFunction(() => document.querySelectorAll("#rows tr").length === 500);
  await page.locator("#filter").pressSequentially("DEMO/f4997", {delay: 20});
  await until(page, "the one that is looked for", async () => {
    const found = await names(page);
    return found.join() === "demo/f4997" || found;
  });
  assert.equal(await page.textContent("#shown"), "1 found among 5,000 queues");
  assert.equal(await page.textContent("#total-queues"), "5,000", "the totals are those of all");
  assert.ok(asked.length > 0 && asked.every(text => text === "DEMO/f4997"), `no request a key: ${asked}`);
  await page.fill("#filter", "/f4");
  await page.waitForFunction(() => document.getElementById("shown").textContent ===
                                   "500 of 1,111 found, by need, among 5,000 queues");
  await page.fill("#filter", "");
  await page.waitForFunction(() => document.getElementById("shown").textContent === "500 of 5,000 shown, by need");
  await page.context().close();
}
