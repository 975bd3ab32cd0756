// A server in front, as somebody's own would be: it mounts the stats below a path and has a stream of events, in
// the two ways in which there may be one, or none.
import {createServer, request} from "node:http";

export class Mount {
  /** "one": an event, and the browser comes again in a second. "lasting": an event a second. "none": 404. */
  stream = "none";
  requests = [];
  #server = createServer((from, to) => this.#answer(from, to));
  #behind;
  #prefix;
  #streams = new Set();

  constructor(behind, prefix) {
    this.#behind = behind;
    this.#prefix = prefix;
  }

  async start() {
    await new Promise(resolve => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${this.#server.address().port}${this.#prefix}`;
  }

  count(pattern) { return this.requests.filter(path => pattern.test(path)).length; }

  /** Those that last. */
  get streams() { return this.#streams.size; }

  /** Ends the streams that last. */
  cut() {
    for (const end of this.#streams)
      end();
  }

  async close() {
    this.cut();
    this.#server.closeAllConnections();
    await new Promise(resolve => this.#server.close(resolve));
  }

  #answer(from, to) {
    if (!from.url.startsWith(this.#prefix + "/"))
      return to.writeHead(404).end();
    const path = from.url.slice(this.#prefix.length);
    this.requests.push(path);
    if (path.startsWith("/stats/stream?"))
      return this.#serveStream(path, to);
    const onward = request(this.#behind + path, {headers: {...from.headers, host: new URL(this.#behind).host}}, reply => {
      to.writeHead(reply.statusCode, reply.headers);
      reply.pipe(to);
    });
    onward.on("error", () => to.destroy());
    onward.end();
  }

  async #serveStream(path, to) {
    if (this.stream === "none")
      return to.writeHead(404, {"Content-Type": "application/json"}).end('{"message":"no such resource"}\n');
    to.writeHead(200, {"Content-Type": "text/event-stream", "Cache-Control": "no-store"});
    to.write("retry: 1000\n\n");
    const send = async () => {
      const stats = await fetch(this.#behind + path.replace("/stats/stream", "/stats"));
      to.write(`event: stats\ndata: ${(await stats.text()).trim()}\n\n`);
    };
    await send();
    if (this.stream === "one")
      return to.end();
    const timer = setInterval(send, 1000);
    const end = () => {
      clearInterval(timer);
      this.#streams.delete(end);
      to.end();
    };
    this.#streams.add(end);
    to.on("close", end);
  }
}
