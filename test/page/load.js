// Calls that keep coming: so many at once, each followed by the next.
import {Agent, request} from "node:http";

export class Load {
  #agent = new Agent({keepAlive: true});
  #callers = [];
  #stopped = false;
  answers = 0;

  constructor(url, atOnce) {
    for (let i = 0; i < atOnce; ++i)
      this.#callers.push(this.#keepCalling(url));
  }

  /** Lets the calls that run come to their end. */
  async stop() {
    this.#stopped = true;
    await Promise.all(this.#callers);
    this.#agent.destroy();
  }

  async #keepCalling(url) {
    while (!this.#stopped) {
      await this.#call(url);
      ++this.answers;
    }
  }

  // Whatever the answer is, or that there is none.
  #call(url) {
    return new Promise(resolve => {
      const call = request(url, {method: "POST", agent: this.#agent}, response => {
        response.resume();
        response.on("close", resolve);
      });
      call.on("error", resolve);
      call.end("hi");
    });
  }
}
