import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { constants, openSync } from "node:fs";
import { rename, writeFile } from "node:fs/promises";
import { Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";

interface Running {
  readonly process: ChildProcess;
  readonly port: number;
  exit?: { code: number | null; signal: string | null };
}

/** What the kit's `supervise --swap-port A,B` promises, without the kit: the lines `swap`, `commit` and `abort`, and state.json. */
export async function startSwapSupervisor(options: {
  readonly dir: string;
  readonly ports: readonly [number, number];
  readonly app: string;
  /** Environment of the next process; tests change it between two starts. */
  readonly env: Record<string, string>;
}) {
  const { dir, ports } = options;
  const control = join(dir, "control");
  await promisify(execFile)("mkfifo", [control]);
  let generation = 1;
  let startedAt = new Date();
  let lastRequest: string | null = null;
  let beside: Running | null = null;
  let writing = Promise.resolve();

  const write = () => {
    const state = {
      v: 1,
      generation,
      pid: present.process.pid,
      phase: "running",
      startedAt: startedAt.toISOString(),
      lastExit: null,
      lastRequest,
      port: present.port,
      ...(beside === null
        ? {}
        : {
            beside: {
              pid: beside.process.pid,
              port: beside.port,
              phase: beside.exit === undefined ? "running" : "crashed",
              exit: beside.exit ?? null,
            },
          }),
    };
    writing = writing.then(async () => {
      await writeFile(join(dir, "state.json.new"), JSON.stringify(state));
      await rename(join(dir, "state.json.new"), join(dir, "state.json"));
    });
  };

  const start = (port: number): Running => {
    const env = { ...process.env, ...options.env, PORT: String(port) };
    const running: Running = { process: spawn(process.execPath, [options.app], { env, stdio: "ignore" }), port };
    running.process.once("exit", (code, signal) => {
      running.exit = { code, signal };
      if (running === beside) write();
    });
    return running;
  };

  let present = start(ports[0]);
  write();

  const obey = (line: string) => {
    const [verb, id] = line.split(" id=");
    lastRequest = id ?? null;
    if (verb === "swap" && beside === null) {
      beside = start(present.port === ports[0] ? ports[1] : ports[0]);
    } else if (verb === "commit" && beside !== null) {
      present.process.kill("SIGTERM");
      present = beside;
      beside = null;
      generation++;
      startedAt = new Date();
    } else if (verb === "abort" && beside !== null) {
      const old = beside;
      beside = null;
      old.process.kill("SIGKILL");
    }
    write();
  };
  // Both ends: it must not end when a writer closes.
  const fifo = openSync(control, constants.O_RDWR | constants.O_NONBLOCK);
  const input = new Socket({ fd: fifo, readable: true, writable: false });
  createInterface({ input }).on("line", obey);

  return {
    async close() {
      input.destroy();
      for (const { process, exit } of [present, ...(beside === null ? [] : [beside])]) {
        if (exit !== undefined) continue;
        process.kill("SIGKILL");
        await once(process, "exit");
      }
      await writing;
    },
  };
}
