// The live page: asks for the figures, and hands them to what shows them.

import {drawSpark} from "./page_chart.js";
import {Feed} from "./page_feed.js";
import {Past, Tracked} from "./page_history.js";
import {QueueView} from "./page_queue.js";
import {Table} from "./page_table.js";
import {byId, count, duration, make, plural, rate, setClass, setHidden, setText} from "./page_text.js";

const MOST_QUEUES = 500;
const TYPING_PAUSE = 300;

const TOTALS = [
  {id: "queues", word: "Queues", text: t => count(t.doc.queues)},
  {id: "waiting", word: "Waiting", text: t => count(t.doc.states.waiter), field: "waiting",
   alarm: t => t.doc.states.waiter > 0},
  {id: "starting", word: "Starting", text: t => count(t.doc.states.starter), field: "starting"},
  {id: "idle", word: "Idle", text: t => count(t.doc.idle), field: "idle"},
  {id: "busy", word: "Busy", text: t => count(t.doc.busy), field: "busy"},
  {id: "calls", word: "Calls/s", text: t => rate(t.calls), field: "calls", colour: "good"},
  {id: "errors", word: "Errors", text: t => count(t.doc.errors), field: "errors", colour: "bad",
   alarm: t => t.errors > 0, title: "Calls that failed, or got no worker: too late, shed, or a start that failed"},
];

const all = new Tracked();
const past = new Past(2 * MOST_QUEUES);
const view = new QueueView();
let chosen = null;
let detailUnderWay = null;

// Totals

const tiles = TOTALS.map(total => {
  const tile = make("div");
  const number = make("dd", "", "–");
  number.id = "total-" + total.id;
  tile.title = total.title ?? "";
  tile.append(make("dt", "", total.word), number);
  const canvas = total.field ? make("canvas") : null;
  if (canvas) {
    canvas.setAttribute("aria-hidden", "true");
    tile.append(canvas);
  }
  byId("totals").append(tile);
  return {...total, tile, number, canvas};
});

function showTotals(now) {
  for (const {id, text, field, colour, alarm, tile, number, canvas} of tiles) {
    setText(number, text(all));
    setClass(tile, alarm?.(all) ? "alarm " + (colour ?? "") : "");
    if (canvas)
      drawSpark(canvas, all.series, field, colour ?? id, now);
  }
  const waiting = all.doc.states.waiter;
  document.title = waiting > 0 ? `${count(waiting)} waiting – hotslot` : "hotslot";
}

// The list

const table = new Table(byId("heads"), byId("rows"), key => { location.hash = "key=" + encodeURIComponent(key); },
  () => { feed.ask(query()); showCount(); });

// The text by which the server filters, since the page has not all queues; and the pause before it is asked to.
let match = "";
let typing = 0;

function query() {
  return new URLSearchParams({top: MOST_QUEUES, by: table.by, ...match && {match}}).toString();
}

function askForMatch() {
  typing = 0;
  const wanted = all.doc?.queues > MOST_QUEUES ? byId("filter").value.trim() : "";
  if (wanted === match)
    return;
  match = wanted;
  found = null;
  feed.ask(query());
}

let inDocument = 0;
let found = null; // by the server
let received = 0;

function showCount() {
  const here = table.matching.length;
  const total = all.doc?.queues ?? 0;
  const byServer = found !== null && match === byId("filter").value.trim();
  const most = byServer ? found : total;
  const cut = inDocument < most;
  const known = plural(total, "queue");
  const shown = !cut ? known : `${count(inDocument)} of ${count(most)} ${byServer ? "found" : "shown"}, by ${table.by.replace("_", " ")}`;
  setText(byId("shown"), byServer ? cut ? `${shown}, among ${known}` : `${count(found)} found among ${known}`
                                  : here < inDocument ? `${count(here)} found among ${shown}` : shown);
  const nothing = byId("nothing");
  setHidden(nothing, here > 0 || !all.doc);
  setText(nothing, total === 0 ? "There are no queues yet. One appears with its first call or worker."
                               : `No queue${cut ? " that is shown" : ""} matches the filter.`);
}

byId("filter").addEventListener("input", event => {
  table.filter = event.target.value;
  showCount();
  clearTimeout(typing);
  typing = setTimeout(askForMatch, TYPING_PAUSE);
});

// The figures

const feed = new Feed(figures => {
  const now = performance.now();
  all.update(now, figures.totals, figures.totals);
  const queues = new Map();
  for (const queue of figures.queues)
    queues.set(queue.key, past.update(now, queue));
  past.forget(now);
  inDocument = queues.size;
  found = figures.matching ?? null;
  table.queues = queues;
  askDetail();
  render();
  if (!typing)
    askForMatch(); // there may have come to be too many
  document.body.dataset.received = ++received; // for scripts that wait for figures
}, showFeed);

function render() {
  if (document.hidden || !all.doc)
    return;
  const now = performance.now();
  showTotals(now);
  table.render();
  showCount();
  const tracked = chosen === null ? undefined : past.get(chosen);
  if (tracked)
    view.update(tracked);
}

function showFeed({live, hasFigures, age, retryIn}) {
  setClass(byId("feed"), "feed " + (live ? "live" : hasFigures || age > 3000 ? "stale" : ""));
  setText(byId("feed-word"), live ? "live" : hasFigures ? "stale" : age > 3000 ? "no figures" : "connecting");
  document.body.classList.toggle("stale-figures", hasFigures && !live);
  const late = !live && (hasFigures || age > 3000);
  setHidden(byId("feed-detail"), !late);
  if (late)
    setText(byId("feed-age"), (hasFigures ? `last figures ${duration(age)} ago` : `the server does not answer`) +
                              (retryIn === null ? ", trying" : `, next try in ${Math.ceil(retryIn / 1000)} s`));
}

byId("feed-now").addEventListener("click", () => feed.tryNow());

// What nobody sees is not asked for.
document.addEventListener("visibilitychange", () => {
  if (document.hidden)
    return feed.pause();
  render();
  feed.resume();
});
addEventListener("resize", render);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", render);

// The queue that was chosen: named behind # in the address, so that Back and a bookmark lead there.

async function askDetail() {
  if (chosen === null || detailUnderWay || document.hidden)
    return;
  const key = chosen;
  const request = new AbortController();
  detailUnderWay = request;
  const late = setTimeout(() => request.abort(), 5000);
  try {
    const response = await fetch("stats/" + encodeURIComponent(key), {signal: request.signal, cache: "no-cache"});
    if (response.status === 404 && key === chosen)
      view.gone();
    if (!response.ok)
      return;
    const detail = await response.json();
    if (key === chosen)
      showDetail(detail);
  } catch {
    // The feed says that the server is away, and asks again once it is back.
  } finally {
    clearTimeout(late);
    if (detailUnderWay === request)
      detailUnderWay = null;
  }
}

function showDetail(detail) {
  const now = performance.now();
  const known = past.get(chosen);
  if (!known || now - known.seenAt > 1500) // it is not among those shown
    view.update(past.update(now, detail.queue));
  view.show(detail);
}

function readAddress() {
  if (location.hash && !location.hash.startsWith("#key="))
    return;
  const key = new URLSearchParams(location.hash.slice(1)).get("key");
  if (key === chosen)
    return;
  const before = chosen;
  chosen = key;
  detailUnderWay?.abort();
  detailUnderWay = null;
  byId("detail").hidden = key === null;
  byId("main").classList.toggle("open", key !== null);
  table.chosen = key;
  if (key === null) {
    table.focus(before);
    return;
  }
  view.begin(key, past.get(key));
  askDetail();
  if (byId("list").offsetParent === null) // it has taken the list's place
    byId("detail").focus();
}

function close() {
  history.pushState(null, "", location.pathname + location.search);
  readAddress();
}

byId("detail-close").addEventListener("click", close);
addEventListener("hashchange", readAddress);
addEventListener("popstate", readAddress);
addEventListener("keydown", event => {
  if (event.key === "Escape" && chosen !== null && event.target !== byId("filter"))
    close();
});

readAddress();
if (document.hidden)
  feed.pause();
feed.ask(query());

fetch("version").then(response => response.json()).then(({version}) => setText(byId("version"), version), () => {});
