import { spawn } from "node:child_process";
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ClusterError } from "./errors.ts";
import { ifMissing } from "./path-exists.ts";
import { identify, isAlive, parseIdentity, type ProcessIdentity } from "./process-identity.ts";

/** The cluster's programs: each is started detached, with a log file and a recorded identity, and stopped by that. */
export interface Daemons {
  /** `argv` runs inside the cluster's namespaces once the holder is up. */
  start(name: string, argv: readonly string[]): Promise<ProcessIdentity>;
  /** Waits until the process is gone; SIGKILL after `graceMs`. Stopping what isn't running is no error. */
  stop(name: string, graceMs?: number): Promise<void>;
  identity(name: string): Promise<ProcessIdentity | undefined>;
  isRunning(name: string): Promise<boolean>;
  /** The last lines of a log: what explains a program that doesn't come up. */
  logTail(name: string, lines?: number): Promise<string>;
  names(): Promise<string[]>;
}

export function createDaemons(folders: { pids: string; logs: string }): Daemons {
  const pidFile = (name: string): string => join(folders.pids, `${name}.json`);
  const logFile = (name: string): string => join(folders.logs, `${name}.log`);

  const identity = async (name: string): Promise<ProcessIdentity | undefined> => {
    const text = await readFile(pidFile(name), "utf8").catch(ifMissing);
    return text === undefined ? undefined : parseIdentity(text);
  };

  return {
    identity,

    async start(name, argv) {
      const [command, ...args] = argv;
      if (command === undefined) throw new TypeError(`${name}: an empty command`);
      await mkdir(folders.pids, { recursive: true });
      await mkdir(folders.logs, { recursive: true });
      const log = await open(logFile(name), "a");
      try {
        // Detached: Ctrl-C in a terminal must not take the cluster down in any order; `close()` does it in the right one.
        const child = spawn(command, args, { detached: true, stdio: ["ignore", log.fd, log.fd], cwd: "/" });
        const pid = await new Promise<number>((resolve, reject) => {
          child.on("error", (cause) =>
            reject(
              new ClusterError("INPOD_DAEMON_FAILED", `${name} could not be started: ${cause.message}`, { cause }),
            ),
          );
          child.on("spawn", () => resolve(child.pid ?? 0));
        });
        child.unref();
        const process = await identify(pid);
        await writeFile(`${pidFile(name)}.new`, JSON.stringify(process));
        await rename(`${pidFile(name)}.new`, pidFile(name));
        return process;
      } finally {
        await log.close();
      }
    },

    async stop(name, graceMs = 10_000) {
      const process = await identity(name);
      if (process !== undefined) await stopProcess(process, graceMs);
      await rm(pidFile(name), { force: true });
    },

    async isRunning(name) {
      const process = await identity(name);
      return process !== undefined && (await isAlive(process));
    },

    async logTail(name, lines = 15) {
      const text = await readFile(logFile(name), "utf8").catch(() => "(no log)");
      return text.trimEnd().split("\n").slice(-lines).join("\n");
    },

    async names() {
      const files = await readdir(folders.pids).catch(() => []);
      return files.filter((file) => file.endsWith(".json")).map((file) => file.slice(0, -".json".length));
    },
  };
}

/** SIGTERM, then SIGKILL after `graceMs`; resolves when the process is gone. */
export async function stopProcess(target: ProcessIdentity, graceMs: number): Promise<void> {
  if (!(await isAlive(target))) return;
  signal(target.pid, "SIGTERM");
  const killAt = Date.now() + graceMs;
  let killed = false;
  while (await isAlive(target)) {
    if (!killed && Date.now() >= killAt) {
      killed = true;
      signal(target.pid, "SIGKILL");
    }
    if (Date.now() >= killAt + 10_000) {
      throw new ClusterError("INPOD_DAEMON_STUCK", `process ${target.pid} is still there 10 s after SIGKILL`);
    }
    await sleep(25);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone between the look and the signal: that is what was wanted.
  }
}
