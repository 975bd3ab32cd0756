// What it looks like: that nothing is cut off on a phone, that text can be read, and pictures for people.
import assert from "node:assert/strict";
import {join} from "node:path";

import {figures, rowOf, until} from "./browser.js";
import {Load} from "./load.js";
import {BROKEN} from "./server.js";

export async function isReadable({browser, server, out}) {
  const load = [new Load(server.calls + "/t/demo/slow", 16), new Load(server.calls + "/t/demo/quick", 3)];
  await server.call("broken");
  for (const size of ["wide", "phone"])
    for (const scheme of ["light", "dark"]) {
      const page = await browser.open(server.address + "/", {size, scheme});
      await until(page, "something to see", async () => await page.locator(".badge.breaker_open").count() === 1 &&
                  await page.locator(".badge.waiting").count() === 1);
      await figures(page, 3);
      await check(page, join(out, `page-${page.viewportSize().width}-${scheme}`));
      await rowOf(page, "demo/slow").getByRole("button").click();
      await page.waitForSelector("#workers tbody tr");
      await figures(page);
      await check(page, join(out, `page-${page.viewportSize().width}-${scheme}-queue`));
      await page.context().close();
    }
  await Promise.all(load.map(l => l.stop()));
}

// Three of 5 000 refuse their calls at once, so that nobody waits: whoever looks sees them first.
export async function showsTheBrokenOfManyFirst({browser, many, out}) {
  for (const name of BROKEN)
    assert.equal(await many.call(name), 502);
  const {totals, queues} = await many.stats("?by=need&top=4");
  assert.equal(totals.queues, 5000);
  assert.deepEqual(queues.slice(0, 3).map(q => q.name).sort(), BROKEN);
  assert.deepEqual(queues.map(q => q.condition === "breaker_open"), [true, true, true, false]);
  assert.deepEqual(queues.map(q => q.states.waiter), [0, 0, 0, 0]);
  for (const size of ["wide", "phone"])
    for (const scheme of ["light", "dark"]) {
      const page = await browser.open(many.address + "/", {size, scheme});
      const name = join(out, `page-many-${page.viewportSize().width}-${scheme}`);
      await figures(page);
      assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll("#rows tr")].slice(0, 4)
        .map(r => `${r.querySelector("button").textContent} ${r.querySelector(".word").textContent}`)
        .map((text, i) => i < 3 ? text : text.endsWith("breaker open"))),
        [...queues.slice(0, 3).map(q => `demo/${q.name} breaker open`), false]);
      await page.screenshot({path: name + ".png"});
      assert.deepEqual(await page.evaluate(faint), [], name);
      await page.context().close();
    }
}

async function check(page, name) {
  await page.mouse.move(0, 0);
  await page.screenshot({path: name + ".png", fullPage: true});
  const {width} = page.viewportSize();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${name} is wider than ${width}`);
  assert.deepEqual(await page.evaluate(faint), [], name);
}

// In the page: texts whose contrast to their ground is below 4.5:1, and colours of marks that are below 3:1 to one that
// they may stand on (WCAG 2, level AA).
function faint() {
  const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
  const rgba = colour => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrastOf = (...colours) => {
    const [a, b] = colours.map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  };
  const ground = node => {
    for (; node; node = node.parentElement) {
      const colour = rgba(getComputedStyle(node).backgroundColor);
      if (colour[3] === 255)
        return colour;
    }
    return [255, 255, 255];
  };
  const found = [];
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (texts.nextNode()) {
    const node = texts.currentNode.parentElement;
    if (!texts.currentNode.data.trim() || !node.checkVisibility())
      continue;
    const contrast = contrastOf(rgba(getComputedStyle(node).color), ground(node));
    if (contrast < 4.5)
      found.push(`${texts.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
  }
  const named = name => rgba(getComputedStyle(document.documentElement).getPropertyValue("--" + name));
  for (const mark of ["waiting", "starting", "idle", "busy", "good", "warn", "bad"])
    for (const under of ["ground", "panel", "raised", "chosen", "warn-ground", "bad-ground"]) {
      const contrast = contrastOf(named(mark), named(under));
      if (contrast < 3)
        found.push(`${mark} on ${under}: ${contrast.toFixed(2)}`);
    }
  return found;
}
