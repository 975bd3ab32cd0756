// The table of the queues: sorted, filtered, and touched only where something has changed.

import {count, duration, make, milliseconds, plural, rate, setClass, setHidden, setText} from "./page_text.js";

// Which of these a queue is in, the server says.
const CONDITIONS = {
  breaker_open: "breaker open",
  failing: "starts fail",
  calls_fail: "calls fail",
  waiting: "waiting, none idle",
  starting: "starting",
  serving: "serving",
  resting: "at rest",
};

// Calls that are short are seldom seen to run.
const conditionOf = ({doc, calls}) => doc.condition === "resting" && calls > 0 ? "serving" : doc.condition;

/** What those who wait, wait for. */
function awaited(q) {
  if (q.states.waiter === 0)
    return "";
  const starts = q.states.starter - Math.min(q.resource_waiters, q.states.starter);
  const parts = [];
  if (q.resource_waiters > 0)
    parts.push("resources for " + plural(q.resource_waiters, "worker"));
  if (starts > 0)
    parts.push(plural(starts, "start"));
  if (q.busy > 0)
    parts.push(plural(q.busy, "running call"));
  return "for " + (parts.length === 0 ? "a worker" : parts.join(", "));
}

function whyOf(q) {
  if (q.condition === "calls_fail")
    return "the last " + plural(q.failed_calls.in_a_row, "call") + " failed";
  if (!q.failure)
    return awaited(q);
  const often = q.failure.in_a_row > 1 ? q.failure.in_a_row + " in a row: " : "";
  return often + q.failure.message;
}

export function badge(kind = "resting") {
  const node = make("span", "badge " + kind);
  const shape = make("span", "shape");
  shape.setAttribute("aria-hidden", "true");
  node.append(shape, make("span", "word"));
  return node;
}

/** Says in `node`, a badge, how the queue fares; returns which condition that is. */
export function showCondition(node, tracked) {
  const condition = conditionOf(tracked);
  setClass(node, "badge " + condition);
  setText(node.lastElementChild, CONDITIONS[condition] ?? condition);
  return condition;
}

export function describe(q) {
  const retry = q.failure && q.failure.retry_in_ms > 0 ? "; next try in " + duration(q.failure.retry_in_ms) : "";
  return whyOf(q) + retry;
}

const nameOf = q => q.app || q.name ? q.app + "/" + q.name : q.key;

// `by` is what the server calls the order, where it knows it; without a `value`, the order is the server's.
const COLUMNS = [
  {id: "state", label: "State", by: "need"},
  {id: "name", label: "Queue", value: t => nameOf(t.doc), by: "need"},
  {id: "waiting", label: "Waiting", value: t => t.doc.states.waiter, text: count, by: "waiting",
   title: "Calls that wait for a worker"},
  {id: "starting", label: "Starting", value: t => t.doc.states.starter, text: count, by: "starting",
   title: "Workers on their way"},
  {id: "idle", label: "Idle", value: t => t.doc.idle, text: count, by: "idle", title: "Workers that are free"},
  {id: "busy", label: "Busy", value: t => t.doc.busy, text: count, by: "busy", title: "Workers that run a call"},
  {id: "calls", label: "Calls/s", value: t => t.calls, text: rate, by: "acquired",
   title: "Calls that got a worker, a second, over the last 5 seconds"},
  {id: "errors", label: "Errors", value: t => t.doc.errors, text: count, by: "errors",
   title: "Calls that got no worker: too late, shed, or a start that failed"},
  {id: "wait", label: "Wait ms", value: t => t.doc.latencies_ms.waiter, text: milliseconds, by: "waiting",
   title: "How long calls waited, an average of the last ones", optional: true},
  {id: "run", label: "Run ms", value: t => t.doc.latencies_ms.runner, text: milliseconds, by: "running",
   title: "How long calls ran, an average of the last ones", optional: true},
  {id: "start", label: "Start ms", value: t => t.doc.latencies_ms.starter, text: milliseconds, by: "starting",
   title: "How long starts took, an average of the last ones", optional: true},
];
const MIX = ["busy", "idle", "starting", "waiting"];
const isWord = column => !column.text;

class Row {
  node = make("tr");
  button = make("button");
  #badge = badge();
  #mix = MIX.map(name => make("i", name));
  #why = make("span", "why");
  #sub = make("span", "sub");
  #cells = new Map();
  #shares = "";

  constructor(key) {
    this.node.setAttribute("role", "row");
    this.node.dataset.key = key;
    for (const column of COLUMNS) {
      const cell = make("td", (isWord(column) ? "words " : "number ") + column.id +
                              (column.optional ? " optional" : ""));
      cell.setAttribute("role", "cell");
      cell.dataset.label = column.label;
      this.#cells.set(column.id, cell);
      this.node.append(cell);
    }
    this.button.type = "button";
    this.button.tabIndex = -1;
    this.#cells.get("name").append(this.button, this.#sub, this.#why);
    const mix = make("span", "mix");
    mix.setAttribute("aria-hidden", "true");
    mix.append(...this.#mix);
    this.#cells.get("state").append(this.#badge, mix);
  }

  update(tracked, chosen) {
    const q = tracked.doc;
    const condition = showCondition(this.#badge, tracked);
    setClass(this.node, "is-" + condition + (chosen ? " chosen" : ""));
    if (this.button.getAttribute("aria-current") !== String(chosen))
      this.button.setAttribute("aria-current", chosen);
    setText(this.#why, whyOf(q));
    setText(this.button, nameOf(q));
    setText(this.#sub, [q.trigger, q.key.slice(0, 12)].filter(Boolean).join(" · "));
    this.#showMix([q.busy, q.idle, q.states.starter, q.states.waiter]);
    for (const column of COLUMNS)
      if (!isWord(column))
        this.#showNumber(column, tracked);
  }

  #showNumber(column, tracked) {
    const value = column.value(tracked);
    const cell = this.#cells.get(column.id);
    const noted = column.id === "errors" ? tracked.errors > 0 : value > 0;
    setText(cell, column.text(value));
    cell.classList.toggle("zero", !value);
    cell.classList.toggle("some", noted);
  }

  #showMix(numbers) {
    if (this.#shares === numbers.join())
      return;
    this.#shares = numbers.join();
    this.#mix.forEach((part, i) => {
      setHidden(part, numbers[i] === 0);
      part.style.flexGrow = numbers[i];
    });
  }
}

// Rows in the order that is wanted, with as few moves as that takes from the front; the row that has the
// focus stays where it is, since moving it would lose the focus.
function arrange(parent, wanted) {
  const pinned = wanted.find(row => row.contains(document.activeElement));
  let at = parent.firstElementChild;
  for (const row of wanted) {
    if (row === pinned)
      while (at !== pinned) {
        const next = at.nextElementSibling;
        parent.append(at);
        at = next;
      }
    if (row === at)
      at = at.nextElementSibling;
    else
      parent.insertBefore(row, at);
  }
}

function compare(a, b) {
  if (typeof a === "string")
    return a.localeCompare(b);
  return (a ?? -1) - (b ?? -1);
}

export class Table {
  #heads;
  #body;
  #rows = new Map();
  #queues = new Map();
  #column = COLUMNS[0];
  #ascending = false;
  #filter = "";
  #chosen = null;
  #choose;
  #sorted;

  /** `choose(key)` when a row is chosen, `sorted()` when the order has changed. */
  constructor(heads, body, choose, sorted) {
    this.#heads = heads;
    this.#body = body;
    this.#choose = choose;
    this.#sorted = sorted;
    for (const column of COLUMNS)
      heads.append(this.#head(column));
    this.#markOrder();
    body.addEventListener("click", event => {
      const row = event.target.closest("tr");
      if (row && getSelection().isCollapsed)
        choose(row.dataset.key);
    });
    body.addEventListener("keydown", event => this.#move(event));
  }

  /** The order as the server's query has it. */
  get by() { return this.#column.by; }

  set filter(text) {
    this.#filter = text.trim().toLowerCase();
    this.render();
  }

  set chosen(key) {
    this.#chosen = key;
    this.render();
  }

  /** Queues by key, each as it is tracked, in the order of the server. */
  set queues(queues) {
    this.#queues = queues;
    for (const key of this.#rows.keys())
      if (!queues.has(key)) {
        this.#rows.get(key).node.remove();
        this.#rows.delete(key);
      }
  }

  get matching() {
    return [...this.#queues].filter(([, t]) => this.#matches(t.doc));
  }

  focus(key) {
    this.#rows.get(key)?.button.focus();
  }

  render() {
    const wanted = this.matching;
    const sign = this.#ascending ? 1 : -1;
    const value = this.#column.value;
    if (value)
      wanted.sort(([, a], [, b]) => sign * compare(value(a), value(b)) || compare(nameOf(a.doc), nameOf(b.doc)) ||
                                    compare(a.doc.key, b.doc.key));
    else if (this.#ascending)
      wanted.reverse();
    const rows = wanted.map(([key, tracked]) => this.#row(key, tracked));
    const shown = new Set(rows.map(row => row.node));
    for (const node of [...this.#body.children])
      if (!shown.has(node))
        node.remove();
    arrange(this.#body, rows.map(row => row.node));
    this.#rove(rows);
  }

  #row(key, tracked) {
    let row = this.#rows.get(key);
    if (!row) {
      row = new Row(key);
      this.#rows.set(key, row);
    }
    row.update(tracked, key === this.#chosen);
    return row;
  }

  #matches(q) {
    return !this.#filter || [nameOf(q), q.key, q.trigger, q.id, q.app, q.name]
      .some(text => text.toLowerCase().includes(this.#filter));
  }

  // Sorting

  #head(column) {
    const head = make("th", (isWord(column) ? "words " : "") + (column.optional ? "optional" : ""));
    head.scope = "col";
    head.setAttribute("role", "columnheader");
    const button = make("button", "", column.label);
    button.type = "button";
    button.title = column.title ?? "";
    button.addEventListener("click", () => this.#sortBy(column));
    head.append(button);
    return head;
  }

  #sortBy(column) {
    this.#ascending = column === this.#column ? !this.#ascending : column.id === "name";
    this.#column = column;
    this.#markOrder();
    this.render();
    this.#sorted();
  }

  #markOrder() {
    COLUMNS.forEach((column, i) => {
      const order = column === this.#column ? (this.#ascending ? "ascending" : "descending") : "none";
      this.#heads.children[i].setAttribute("aria-sort", order);
    });
  }

  // The keyboard: one row is reached by Tab, the others from there by arrows.

  #rove(rows) {
    const focused = rows.find(row => row.button === document.activeElement);
    const entry = focused ?? rows.find(row => row.node.dataset.key === this.#chosen) ?? rows[0];
    for (const row of rows) {
      const index = row === entry ? 0 : -1;
      if (row.button.tabIndex !== index)
        row.button.tabIndex = index;
    }
  }

  #move(event) {
    const row = event.target.closest("tr");
    const to = {
      ArrowDown: row?.nextElementSibling,
      ArrowUp: row?.previousElementSibling,
      Home: this.#body.firstElementChild,
      End: this.#body.lastElementChild,
    }[event.key];
    if (!to || event.altKey || event.ctrlKey || event.metaKey)
      return;
    event.preventDefault();
    this.#rows.get(row.dataset.key).button.tabIndex = -1;
    const next = this.#rows.get(to.dataset.key).button;
    next.tabIndex = 0;
    next.focus();
  }
}
