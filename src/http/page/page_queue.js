// The queue that was chosen: its past, latencies, decisions and workers.

import {Chart} from "./page_chart.js";
import {badge, describe, showCondition} from "./page_table.js";
import {byId, count, duration, make, milliseconds, plural, rate, resize, setHidden, setText} from "./page_text.js";

const CALLS = [{field: "waiting", name: "waiting", word: "waiting"}];
const WORKERS = [
  {field: "busy", name: "busy", word: "busy"},
  {field: "idle", name: "idle", word: "idle"},
  {field: "starting", name: "starting", word: "starting", striped: true},
];
const LATENCIES = [
  {word: "wait for a call", of: l => l.wait.call},
  {word: "wait for a start", of: l => l.wait.start},
  {word: "wait for resources", of: l => l.wait.resources},
  {word: "run", of: l => l.run},
  {word: "start", of: l => l.start},
];
const PERCENTILES = ["p50", "p90", "p99", "p99_9"];
const MOST_WORKERS = 200;
const NOTHING_KNOWN = "no such queue";

function cells(n) {
  const row = make("tr");
  for (let i = 0; i < n; ++i)
    row.append(make(i === 0 ? "th" : "td"));
  row.firstElementChild.scope = "row";
  return row;
}

function term() {
  const item = make("div");
  item.append(make("dt"), make("dd"));
  return item;
}

function fill(row, texts) {
  texts.forEach((text, i) => setText(row.children[i], text));
}

class Legend {
  #numbers = new Map();
  #when = make("span");

  constructor(node, layers) {
    for (const layer of layers) {
      const item = make("span");
      const number = make("b");
      const key = make("i", "key " + layer.name);
      key.setAttribute("aria-hidden", "true");
      item.append(key, layer.word + " ", number);
      node.append(item);
      this.#numbers.set(layer.field, number);
    }
    node.append(this.#when);
  }

  show(series, n, when) {
    for (const [field, number] of this.#numbers)
      setText(number, count(series.value(n, field)));
    setText(this.#when, when);
  }
}

export class QueueView {
  #badge = badge();
  #why = make("span");
  #charts;
  #legends;
  #marked = null;
  #tracked = null;

  constructor() {
    byId("detail-state").append(this.#badge, " ", this.#why);
    const point = time => {
      this.#marked = time;
      this.draw();
    };
    this.#charts = [new Chart(byId("calls-chart"), CALLS, point), new Chart(byId("workers-chart"), WORKERS, point)];
    this.#legends = [new Legend(byId("calls-legend"), CALLS), new Legend(byId("workers-legend"), WORKERS)];
  }

  /** What the list knows of it, at once. */
  begin(key, tracked) {
    this.#tracked = null;
    this.#marked = null;
    setText(byId("detail-title"), key);
    setText(this.#why, "");
    byId("detail-error").hidden = true;
    for (const id of ["detail-facts", "decisions", "counters"])
      byId(id).replaceChildren();
    for (const id of ["latencies", "workers"])
      byId(id).tBodies[0].replaceChildren();
    for (const id of ["immediate", "workers-count"])
      setText(byId(id), "");
    if (tracked)
      this.update(tracked);
  }

  /** New counts. */
  update(tracked) {
    const q = tracked.doc;
    this.#tracked = tracked;
    setText(byId("detail-title"), q.app || q.name ? q.app + "/" + q.name : q.key);
    showCondition(this.#badge, tracked);
    setText(this.#why, describe(q));
    const error = byId("detail-error");
    setHidden(error, !q.failure);
    if (q.failure)
      setText(error, "Last start failed " + duration(q.failure.ago_ms) + " ago: " + q.failure.message);
    this.#showCounters(q.totals);
    this.draw();
  }

  /** The document of the queue. */
  show(doc) {
    this.#showFacts(doc);
    this.#showLatencies(doc.latency_ms);
    this.#showDecisions(doc.decisions);
    this.#showWorkers(doc.workers);
  }

  gone() {
    setText(this.#why, NOTHING_KNOWN);
    byId("detail-error").hidden = true;
  }

  draw() {
    if (!this.#tracked || document.hidden)
      return;
    const {series} = this.#tracked;
    const now = performance.now();
    const n = this.#marked === null ? series.size - 1 : Math.min(series.firstSince(this.#marked), series.size - 1);
    const marked = this.#marked === null ? null : series.time(n);
    const when = marked === null ? "" : duration(now - marked) + " ago";
    this.#charts.forEach((chart, i) => {
      chart.draw(series, now, marked);
      this.#legends[i].show(series, n, when);
    });
    const last = field => count(series.value(series.size - 1, field));
    byId("calls-chart").setAttribute("aria-label", `Waiting calls over time; now ${last("waiting")}`);
    byId("workers-chart").setAttribute("aria-label",
      `Workers over time; now ${last("busy")} busy, ${last("idle")} idle, ${last("starting")} starting`);
  }

  #showFacts(doc) {
    const q = doc.queue;
    const facts = [
      ["policy", doc.policy],
      ["trigger", q.trigger],
      ["id", q.id, "code"],
      ["key", q.key, "code"],
      ["calls", rate(this.#tracked?.calls ?? null) + " a second"],
    ].filter(([, text]) => text);
    const items = resize(byId("detail-facts"), facts.length, term);
    facts.forEach(([word, text, style], i) => {
      fill(items[i], [word, text]);
      items[i].className = style ?? "";
    });
  }

  #showLatencies(latencies) {
    const rows = resize(byId("latencies").tBodies[0], LATENCIES.length, () => cells(6));
    LATENCIES.forEach(({word, of}, i) => {
      const l = of(latencies);
      rows[i].className = l.count === 0 ? "none" : "";
      fill(rows[i], [word, count(l.count), ...PERCENTILES.map(p => l.count === 0 ? "–" : milliseconds(l[p]))]);
    });
    const {immediate, wait} = latencies;
    const all = immediate + wait.call.count + wait.start.count + wait.resources.count;
    setText(byId("immediate"), all === 0 ? "No calls yet."
      : `${count(immediate)} of ${plural(all, "call")} did not wait (${(immediate / all * 100).toFixed(1)} %).`);
  }

  #showDecisions(decisions) {
    const list = byId("decisions");
    const items = resize(list, Math.max(decisions.length, 1), () => {
      const item = make("li");
      item.append(make("span", "ago"), make("span", "what"), make("span", "reason"));
      return item;
    });
    if (decisions.length === 0)
      fill(items[0], ["", "", "none yet"]);
    [...decisions].reverse().forEach((d, i) => {
      const what = [d.start > 0 ? "+" + d.start : "", d.eject > 0 ? "−" + d.eject : ""].join(" ").trim();
      fill(items[i], [duration(d.ago_ms), what || "·", d.reason]);
      items[i].children[1].title = [d.start > 0 ? plural(d.start, "start") : "",
        d.eject > 0 ? plural(d.eject, "worker") + " ended" : ""].filter(Boolean).join(", ") || "nothing done";
    });
  }

  #showWorkers(workers) {
    const shown = workers.slice(0, MOST_WORKERS);
    setText(byId("workers-count"), shown.length < workers.length ? `${shown.length} of ${count(workers.length)} shown`
                                                                 : count(workers.length));
    const rows = resize(byId("workers").tBodies[0], shown.length, () => cells(5));
    shown.forEach((w, i) => {
      fill(rows[i], [String(w.id), w.state, duration(w.age_ms), w.state === "busy" ? "–" : duration(w.idle_ms),
        count(w.calls)]);
    });
  }

  #showCounters(totals) {
    const known = Object.entries(totals).filter(([name, n]) => n > 0 || name === "acquired" || name === "launched");
    const items = resize(byId("counters"), known.length, term);
    known.forEach(([name, n], i) => fill(items[i], [name.replaceAll("_", " "), count(n)]));
  }
}
