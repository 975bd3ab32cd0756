// Where the figures come from: the stream of events, or, where there is none, a request a second.

const PERIOD = 1000;
// A server that sends one event and closes is asked again within a second or so: that is no interruption.
const STALE_AFTER = 3000;
const GIVEN_UP_AFTER = 5000;
const LONGEST_DELAY = 15000;
const STREAM_AGAIN_AFTER = 60000;
const TIMEOUT = 5000;

export class Feed {
  #told;
  #received;
  #query = "";
  #stream = null;
  #streamSince = 0;
  #streamAgainAt = 0;
  #timer = 0;
  #nextAt = 0;
  #request = null;
  #failures = 0;
  #lastAt = null;
  #since = performance.now();
  #paused = false;

  /** `received(document)` for each, `told({live, age, retryIn})` at least once a second. */
  constructor(received, told) {
    this.#received = received;
    this.#told = told;
    setInterval(() => this.#watch(), 1000);
  }

  /** From now on the answers to this query. */
  ask(query) {
    if (query === this.#query)
      return;
    this.#query = query;
    if (this.#paused)
      return;
    if (this.#stream || this.#lastAt === null)
      this.#openStream();
    if (this.#polls())
      this.#poll();
  }

  /** Asks for nothing, until `resume`. */
  pause() {
    this.#paused = true;
    this.#closeStream();
    this.#stopPolling();
  }

  resume() {
    if (!this.#paused)
      return;
    this.#paused = false;
    if (!this.#query)
      return;
    if (this.#failures !== 0 || performance.now() < this.#streamAgainAt)
      this.#poll();
    else
      this.#openStream();
    this.#tell();
  }

  /** Does not wait for the next attempt. */
  tryNow() {
    if (!this.#paused && !this.#isLive())
      this.#poll();
  }

  #isLive() {
    return this.#lastAt !== null && performance.now() - this.#lastAt < STALE_AFTER;
  }

  #polls() {
    return this.#timer !== 0 || this.#request !== null;
  }

  #deliver(document) {
    this.#lastAt = performance.now();
    this.#failures = 0;
    this.#received(document);
    this.#tell();
  }

  // The stream. The browser connects again by itself, unless the answer was no stream.

  #openStream() {
    this.#closeStream();
    const stream = new EventSource("stats/stream?" + this.#query);
    this.#stream = stream;
    this.#streamSince = performance.now();
    stream.addEventListener("stats", event => {
      if (stream !== this.#stream)
        return;
      this.#stopPolling();
      this.#deliver(JSON.parse(event.data));
    });
    stream.addEventListener("error", () => {
      if (stream === this.#stream && stream.readyState === EventSource.CLOSED)
        this.#doWithoutStream();
    });
  }

  #closeStream() {
    this.#stream?.close();
    this.#stream = null;
  }

  #doWithoutStream() {
    this.#closeStream();
    this.#streamAgainAt = performance.now() + STREAM_AGAIN_AFTER;
    if (!this.#polls())
      this.#poll();
  }

  // Requests

  #schedule(delay) {
    clearTimeout(this.#timer);
    this.#nextAt = performance.now() + delay;
    this.#timer = setTimeout(() => this.#poll(), delay);
  }

  #stopPolling() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#request?.abort();
    this.#request = null;
  }

  async #poll() {
    this.#stopPolling();
    const request = new AbortController();
    this.#request = request;
    const late = setTimeout(() => request.abort(), TIMEOUT);
    const began = performance.now();
    try {
      const response = await fetch("stats?" + this.#query, {signal: request.signal, cache: "no-cache"});
      if (!response.ok)
        throw new Error("status " + response.status);
      const document = await response.json();
      if (request === this.#request)
        this.#answered(document, began);
    } catch {
      if (request === this.#request)
        this.#unanswered();
    } finally {
      clearTimeout(late);
    }
  }

  #answered(document, began) {
    this.#request = null;
    const wasOut = this.#failures !== 0;
    this.#schedule(Math.max(PERIOD - (performance.now() - began), 100));
    this.#deliver(document);
    if (!this.#stream && (wasOut || performance.now() >= this.#streamAgainAt))
      this.#openStream();
  }

  #unanswered() {
    this.#request = null;
    this.#closeStream();
    ++this.#failures;
    this.#schedule(Math.min(PERIOD * 1.6 ** this.#failures, LONGEST_DELAY) * (0.9 + Math.random() / 5));
    this.#tell();
  }

  #watch() {
    if (this.#paused)
      return;
    const now = performance.now();
    const quietFor = now - Math.max(this.#lastAt ?? 0, this.#streamSince);
    if (this.#stream && !this.#polls() && quietFor > GIVEN_UP_AFTER)
      this.#doWithoutStream();
    this.#tell();
  }

  #tell() {
    const now = performance.now();
    this.#told({
      live: this.#isLive(),
      hasFigures: this.#lastAt !== null,
      age: now - (this.#lastAt ?? this.#since),
      retryIn: this.#timer && !this.#request ? Math.max(this.#nextAt - now, 0) : null,
    });
  }
}
