import { readFile } from "node:fs/promises";

/** A process that can be told from a later one with the same pid: `started` is in clock ticks since boot. */
export interface ProcessIdentity {
  pid: number;
  started: string;
  /** Kernel boot id: pids from before a reboot are nobody's. */
  boot: string;
}

export async function identify(pid: number): Promise<ProcessIdentity> {
  const started = await startTime(pid);
  if (started === undefined) throw new Error(`process ${pid} is gone`);
  return { pid, started, boot: await bootId() };
}

export async function isAlive(process: ProcessIdentity): Promise<boolean> {
  return (await bootId()) === process.boot && (await startTime(process.pid)) === process.started;
}

/** `undefined` for text that is not a recorded identity: a file cut short by a crash names no process. */
export function parseIdentity(text: string): ProcessIdentity | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== "object" || value === null) return undefined;
    const { pid, started, boot } = value as Record<string, unknown>;
    if (typeof pid !== "number" || typeof started !== "string" || typeof boot !== "string") return undefined;
    return { pid, started, boot };
  } catch {
    return undefined;
  }
}

async function bootId(): Promise<string> {
  return (await readFile("/proc/sys/kernel/random/boot_id", "utf8")).trim();
}

/** Field 22 of /proc/PID/stat; `undefined` for a process that is gone or a zombie. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch((error: NodeJS.ErrnoException) => {
    // Any other failure (too many open files) says nothing about the process: nobody may take it for gone.
    if (error.code === "ENOENT" || error.code === "ESRCH") return undefined;
    throw error;
  });
  if (stat === undefined) return undefined;
  // The command name (field 2) may hold spaces and brackets: count from its closing one.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return fields[0] === "Z" ? undefined : fields[19];
}
