// A real hotslotd, with functions of its own, on ports that it keeps over a restart.
import {spawn} from "node:child_process";
import {once} from "node:events";
import {mkdtempSync, rmSync, writeFileSync} from "node:fs";
import {tmpdir} from "node:os";
import {dirname, join} from "node:path";
import {createInterface} from "node:readline";

/** Those of many functions whose starts fail. */
export const BROKEN = ["f2500", "f3333", "f4999"];

export class Server {
  #program;
  #folder = mkdtempSync(join(tmpdir(), "hotslot-page-"));
  #listen = "127.0.0.1:0";
  #admin = "127.0.0.1:0";
  #process = null;

  constructor(program, functions) {
    this.#program = program;
    writeFileSync(this.#config, JSON.stringify({functions}));
  }

  get #config() { return join(this.#folder, "hotslot.json"); }
  get calls() { return "http://" + this.#listen; }
  get address() { return "http://" + this.#admin; }

  async start() {
    this.#process = spawn(this.#program, ["--config", this.#config, "--listen", this.#listen, "--admin", this.#admin,
                                          "--threads", "1", "--log-level", "error"],
                          {stdio: ["ignore", "pipe", "inherit"], env: environment()});
    const lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    this.#listen = await address(lines, "listening on http://");
    this.#admin = await address(lines, "admin on http://");
  }

  /** Cuts calls that run, as two signals do. */
  async stop() {
    const running = this.#process;
    if (!running || running.exitCode !== null)
      return;
    const ended = once(running, "exit");
    running.kill("SIGTERM");
    running.kill("SIGINT");
    await ended;
  }

  /** One call; its status. */
  async call(name) {
    const response = await fetch(`${this.calls}/t/demo/${name}`, {method: "POST"});
    await response.arrayBuffer();
    return response.status;
  }

  async stats(path = "") {
    const response = await fetch(this.address + "/stats" + path);
    if (!response.ok)
      throw new Error(`/stats${path}: ${response.status}`);
    return response.json();
  }

  async queue(name) {
    return (await this.stats()).queues.find(q => q.name === name);
  }

  async close() {
    await this.stop();
    rmSync(this.#folder, {recursive: true, force: true});
  }
}

// One of its own, but for what steers the sanitizers, which is the test run's.
function environment() {
  const kept = ["ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"].filter(name => name in process.env);
  return Object.fromEntries([["PATH", "/usr/bin:/bin"], ...kept.map(name => [name, process.env[name]])]);
}

async function address(lines, begins) {
  const {value} = await lines.next();
  if (!value?.startsWith(begins))
    throw new Error(`hotslotd said ${value}`);
  return value.slice(begins.length);
}

/** An example function under a name of its own. */
export function example(program, name, more = {}) {
  return {app: "demo", name, trigger: "/" + name, command: [program], dir: dirname(program), memory_mb: 8, ...more};
}
