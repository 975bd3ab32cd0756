// What the page remembers of a queue, or of all: the last five minutes, and how fast its counters go up.

export const SPAN = 300_000;
const LEAST_APART = 800;
const CAPACITY = Math.ceil(SPAN / LEAST_APART) + 1;
const RATE_OVER = 5000;
const LONGEST_GAP = 6000;

export const FIELDS = ["waiting", "starting", "idle", "busy", "calls", "errors"];

/** A ring of samples. One that follows closely takes the place of the one before. */
export class Series {
  #times = new Float64Array(CAPACITY);
  #values = new Float32Array(CAPACITY * FIELDS.length);
  #next = 0;
  #size = 0;

  add(time, sample) {
    if (this.#size > 1 && time - this.#times[this.#index(this.#size - 2)] < 2 * LEAST_APART &&
        time - this.#times[this.#index(this.#size - 1)] < LEAST_APART)
      this.#next = this.#index(--this.#size);
    const at = this.#next;
    this.#times[at] = time;
    FIELDS.forEach((field, i) => { this.#values[at * FIELDS.length + i] = sample[field] ?? 0; });
    this.#next = (at + 1) % CAPACITY;
    this.#size = Math.min(this.#size + 1, CAPACITY);
  }

  get size() { return this.#size; }
  time(n) { return this.#times[this.#index(n)]; }
  value(n, field) { return this.#values[this.#index(n) * FIELDS.length + FIELDS.indexOf(field)]; }

  /** How much of the past there is to be drawn: one minute, two, or all that is kept. */
  span(now) {
    const age = this.#size === 0 ? 0 : now - this.time(0);
    return age <= 60_000 ? 60_000 : age <= 120_000 ? 120_000 : SPAN;
  }

  /** The first sample that is not older than `time`. */
  firstSince(time) {
    let n = 0;
    while (n < this.#size && this.time(n) < time)
      ++n;
    return n;
  }

  // Of the nth oldest.
  #index(n) {
    return (this.#next - this.#size + n + 2 * CAPACITY) % CAPACITY;
  }
}

/** Rates of counters over the last seconds. A restart sets counters back: then it begins anew. */
export class Meter {
  #samples = [];

  /** Returns a rate a second for each counter, null as long as nothing is known. */
  update(time, counters) {
    const last = this.#samples.at(-1);
    if (last && (time - last.time > LONGEST_GAP || counters.some((c, i) => c < last.counters[i])))
      this.#samples = [];
    this.#samples.push({time, counters});
    while (this.#samples.length > 2 && time - this.#samples[1].time >= RATE_OVER)
      this.#samples.shift();
    const first = this.#samples[0];
    const seconds = (time - first.time) / 1000;
    return counters.map((c, i) => seconds > 0 ? (c - first.counters[i]) / seconds : null);
  }
}

/** A queue, or the sum of all, with its past. */
export class Tracked {
  series = new Series();
  calls = null;
  errors = null;
  doc = null;
  seenAt = 0;
  #meter = new Meter();

  /** `counts` has states, idle, busy and errors; `totals` the counters. */
  update(time, counts, totals) {
    [this.calls, this.errors] = this.#meter.update(time, [totals.acquired, counts.errors]);
    this.doc = counts;
    this.seenAt = time;
    this.series.add(time, {
      waiting: counts.states.waiter,
      starting: counts.states.starter,
      idle: counts.idle,
      busy: counts.busy,
      calls: this.calls,
      errors: this.errors,
    });
  }
}

/** Every queue that was seen lately, by key; no more than `most`. */
export class Past {
  #queues = new Map();

  constructor(most) {
    this.most = most;
  }

  get(key) { return this.#queues.get(key); }

  update(time, queue) {
    const known = this.#queues.get(queue.key) ?? new Tracked();
    this.#queues.delete(queue.key);
    this.#queues.set(queue.key, known); // the last seen come last
    known.update(time, queue, queue.totals);
    return known;
  }

  forget(time) {
    for (const [key, queue] of this.#queues) {
      if (this.#queues.size <= this.most && time - queue.seenAt < SPAN)
        return;
      this.#queues.delete(key);
    }
  }
}
