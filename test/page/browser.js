// A real Chromium, and pages in it whose every error is kept.
import {chromium} from "playwright-core";

const SIZES = {wide: {width: 1280, height: 900}, phone: {width: 360, height: 780}};

export class Browser {
  #browser;
  /** What no page may do: errors on the console, violations of the policy, requests to elsewhere. */
  wrong = [];
  /** A pattern of failed requests that are expected now; each of them is told on the console by the browser. */
  expected = null;

  static async launch(executablePath) {
    const self = new Browser();
    self.#browser = await chromium.launch({executablePath, args: ["--no-sandbox"]});
    return self;
  }

  async open(address, {size = "wide", scheme = "light"} = {}) {
    const context = await this.#browser.newContext({viewport: SIZES[size], colorScheme: scheme});
    const page = await context.newPage();
    page.setDefaultTimeout(30_000);
    page.on("pageerror", error => this.wrong.push(`${error}`));
    page.on("console", message => this.#said(message));
    page.on("request", request => {
      if (!request.url().startsWith(new URL(address).origin + "/") && !request.url().startsWith("data:"))
        this.wrong.push("a request to " + request.url());
    });
    await page.exposeFunction("reportViolation", text => this.wrong.push(text));
    await page.addInitScript(() => addEventListener("securitypolicyviolation",
      e => window.reportViolation(`the policy's ${e.violatedDirective} was violated by ${e.blockedURI}`)));
    await page.goto(address);
    await page.waitForSelector(".feed.live");
    return page;
  }

  #said(message) {
    if (!["error", "warning"].includes(message.type()))
      return;
    const {url} = message.location();
    if (!this.expected?.test(url))
      this.wrong.push(`${message.type()}: ${message.text()} (${url})`);
  }

  close() { return this.#browser.close(); }
}

/** The row of a queue, by its name. */
export const rowOf = (page, name) =>
  page.locator("#rows tr").filter({has: page.getByRole("button", {name, exact: true})});

/** What the row of that name shows, as numbers and texts. */
export function shown(page, name) {
  return page.evaluate(wanted => {
    const row = [...document.querySelectorAll("#rows tr")].find(r => r.querySelector("button").textContent === wanted);
    if (!row)
      return null;
    return Object.fromEntries([...row.cells].map(cell => [cell.classList[1], cell.textContent]));
  }, name);
}

/** Waits until the page has received figures, `n` times. */
export async function figures(page, n = 1) {
  const before = Number(await page.evaluate(() => document.body.dataset.received));
  await page.waitForFunction(wanted => Number(document.body.dataset.received) >= wanted, before + n);
}

/** Looks again with all figures that the page receives, until `look` returns true, or throws what it saw last. */
export async function until(page, what, look) {
  const end = Date.now() + 30_000;
  for (;;) {
    const seen = await look();
    if (seen === true)
      return;
    if (Date.now() > end)
      throw new Error(`never: ${what}; at the end ${JSON.stringify(seen)}`);
    await figures(page);
  }
}
