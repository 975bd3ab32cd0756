// What it looks like: that nothing is cut off on a phone, that text can be read, and pictures for people.
import assert from "node:assert/strict";
import {join} from "node:path";

import {figures, rowOf, until} from "./browser.js";
import {Load} from "./load.js";

export async function isReadable({browser, server, out}) {
  const load = [new Load(server.calls + "/t/demo/slow", 16), new Load(server.calls + "/t/demo/quick", 3)];
  await server.call("broken");
  for (const size of ["wide", "phone"])
    for (const scheme of ["light", "dark"]) {
      const page = await browser.open(server.address + "/", {size, scheme});
      await until(page, "something to see", async () => await page.locator(".badge.breaker").count() === 1 &&
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

async function check(page, name) {
  await page.mouse.move(0, 0);
  await page.screenshot({path: name + ".png", fullPage: true});
  const {width} = page.viewportSize();
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth) <= width, `${name} is wider than ${width}`);
  assert.deepEqual(await page.evaluate(faint), [], name);
}

// In the page: texts whose contrast to their ground is below 4.5:1 (WCAG 2, level AA).
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
    const [a, b] = [rgba(getComputedStyle(node).color), ground(node)].map(luminance);
    const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (contrast < 4.5)
      found.push(`${texts.currentNode.data.trim()}: ${contrast.toFixed(2)}`);
  }
  return found;
}
