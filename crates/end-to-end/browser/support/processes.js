// Child processes that end with this one, however it ends.

import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import path from "node:path";

// Starts its arguments as a program, says its process id, and kills it when its
// input ends: that is when this process does.
const LIFETIME = `
"$@" & server=$!
echo "$server" >&3; exec 3>&-
read -r _; { kill -9 "$server"; wait "$server"; } 2>/dev/null
`;

export class Program {
  #shell;
  #over;
  #log;
  pid;

  static async start(folder, [name, ...args], settings = {}) {
    const program = new Program();
    program.#log = path.join(folder, `${path.basename(name)}-${Math.random().toString(36).slice(2, 8)}.log`);
    const env = { PATH: process.env.PATH, HOME: process.env.HOME, ...settings };
    const log = openSync(program.#log, "a");
    const shell = spawn("sh", ["-c", LIFETIME, "sh", name, ...args], { cwd: folder, env, stdio: ["pipe", log, log, "pipe"] });
    closeSync(log);
    shell.stdin.on("error", () => {});
    program.#shell = shell;
    program.#over = new Promise((resolve) => shell.once("exit", resolve));
    program.pid = await new Promise((resolve) => shell.stdio[3].once("data", (data) => resolve(Number(data))));
    return program;
  }

  get log() {
    return readFileSync(this.#log, "utf8");
  }

  /** Not, also when its parent has yet to notice. */
  isRunning() {
    try {
      process.kill(this.pid, 0);
      return !existsSync("/proc/self") || !/\) Z /.test(readFileSync(`/proc/${this.pid}/stat`, "utf8"));
    } catch {
      return false;
    }
  }

  /** Such as SIGSTOP: it is there, and does not answer. */
  signal(name) {
    process.kill(this.pid, name);
  }

  /** kill -9. */
  async kill() {
    this.#shell.stdin.end();
    await this.#over;
  }
}

/** Waits until `check` gives something; fails with what `program` said. */
export async function until(what, check, program, withinMs = 60_000) {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const found = await check();
    if (found) return found;
    const isGone = program && !program.isRunning();
    if (isGone || Date.now() > deadline) throw new Error(`${isGone ? "it ended" : "waited in vain"} until ${what}:\n${program?.log ?? ""}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export function listens(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
