// A real server that a test starts, kills and starts again.

import { spawn } from "node:child_process";
import { createServer } from "node:net";
import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";

const START_MS = 90_000;

/** A TCP port that is free now. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.on("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

export class Server {
  #emma;
  #args;
  #process = null;
  #log;

  /** @param {{emma: string, data: string, port: number, host?: string}} options `host` is where the network reaches it */
  constructor({ emma, data, port, host }) {
    this.#emma = emma;
    this.#args = ["serve", "--demo", "--port", String(port), "--data-dir", data, ...(host ? ["--bind", "0.0.0.0"] : [])];
    this.#log = join(data, "..", "recovery.log");
    this.base = `http://${host ?? "127.0.0.1"}:${port}`;
  }

  /** Starts it; resolves when it listens, with the links it prints. The models load on. */
  start() {
    this.#process = spawn(this.#emma, this.#args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#process.stderr.on("data", (text) => appendFileSync(this.#log, text));
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error("the server did not start in time")), START_MS);
      let printed = "";
      this.#process.on("exit", (code) => reject(new Error(`the server ended with ${code}\n${this.log()}`)));
      this.#process.stdout.on("data", (text) => {
        printed += text;
        const link = /^Interview link: (.+)$/m.exec(printed)?.[1];
        const recruiter = /^Recruiter token: (.+)$/m.exec(printed)?.[1];
        if (!link || !recruiter) return;
        clearTimeout(timer);
        resolve({ link, recruiter });
      });
    });
  }

  /** Ends it with `signal` and waits until it is gone. */
  async stop(signal = "SIGTERM") {
    const running = this.#process;
    if (!running || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill(signal);
    await gone;
  }

  signal(name) {
    this.#process.kill(name);
  }

  log() {
    try {
      return readFileSync(this.#log, "utf8");
    } catch {
      return "";
    }
  }
}
