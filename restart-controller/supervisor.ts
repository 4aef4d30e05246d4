import { closeSync, constants, fstatSync, openSync, writeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { SupervisorState } from "./core/index.ts";
import { watchFolder } from "./watch-folder.ts";

export interface Supervisor {
  /** Writes one line into the FIFO; throws a sentence when no supervisor reads it. */
  command(line: string): void;
  /** Resolves when state.json has been read for the first time. */
  looked(): Promise<void>;
  close(): void;
}

/** Talks to `kit supervise` by its FIFO and reads what it says of itself in state.json. */
export function createSupervisor(
  files: { readonly control: string; readonly state: string },
  onState: (state: SupervisorState | null) => Promise<void> | void,
): Supervisor {
  let last: string | null = null;
  let queue = Promise.resolve();

  const look = () => {
    queue = queue.then(async () => {
      // Non-blocking: whoever puts a FIFO in its place must not make us wait for its writer.
      const flag = constants.O_RDONLY | constants.O_NONBLOCK;
      const text = await readFile(files.state, { encoding: "utf8", flag }).catch(() => null);
      if (text === last) return;
      last = text;
      await onState(text === null ? null : parseSupervisorState(text));
    });
  };
  const watcher = watchFolder(dirname(files.state), (name) => {
    if (name === null || name === basename(files.state)) look();
  });
  const poll = setInterval(look, 1000);
  look();
  const first = queue;

  return {
    looked: () => first,
    command(line) {
      let fifo;
      try {
        // Non-blocking: a FIFO that nobody reads answers ENXIO instead of waiting for ever.
        fifo = openSync(files.control, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
      } catch (cause) {
        throw new Error(`no supervisor reads ${files.control}: is the app container up?`, { cause });
      }
      try {
        if (!fstatSync(fifo).isFIFO()) throw new Error(`${files.control} is not a FIFO: somebody replaced it`);
        writeSync(fifo, `${line}\n`);
      } finally {
        closeSync(fifo);
      }
    },
    close() {
      clearInterval(poll);
      watcher.close();
    },
  };
}

/** Null for anything that isn't a whole state: the file is written atomically, so that is somebody else's. */
export function parseSupervisorState(text: string): SupervisorState | null {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return null;
  }
  if (!isObject(raw) || raw["v"] !== 1) return null;
  const { generation, pid, phase, startedAt, lastExit, lastRequest, lastRestart, port, held } = raw;
  const beside = parseBeside(raw["beside"]);
  if (typeof generation !== "number" || typeof pid !== "number" || typeof startedAt !== "string") return null;
  if (phase !== "running" && phase !== "stopping" && phase !== "crashed" && phase !== "stopped") return null;
  const readyAt = instant(raw["readyAt"]);
  const stoppedAt = isObject(lastRestart) ? instant(lastRestart["stoppedAt"]) : undefined;
  return {
    generation,
    pid,
    phase,
    startedAt: instant(startedAt) ?? 0,
    ...(isObject(lastExit) ? { lastExit: exitOf(lastExit) } : {}),
    ...(typeof port === "number" ? { port } : {}),
    ...(beside === undefined ? {} : { beside }),
    ...(typeof lastRequest === "string" ? { lastRequest } : {}),
    ...(stoppedAt === undefined ? {} : { stoppedAt }),
    ...(Array.isArray(held) && held.length > 0 ? { held: held.filter((port) => typeof port === "number") } : {}),
    ...(readyAt === undefined ? {} : { readyAt }),
  };
}

/** Its exit is one number, 128 and the signal for one that was killed; `waiting` for its port, it isn't there yet. */
function parseBeside(raw: unknown): SupervisorState["beside"] {
  if (!isObject(raw)) return undefined;
  const { pid, port, phase, exit } = raw;
  if (typeof pid !== "number" || typeof port !== "number" || (phase !== "running" && phase !== "crashed"))
    return undefined;
  return { pid, port, phase, ...(typeof exit === "number" ? { exit: { code: exit, signal: null } } : {}) };
}

const exitOf = (raw: Record<string, unknown>) => ({ code: numberOrNull(raw["code"]), signal: nameOf(raw["signal"]) });
const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
const numberOrNull = (value: unknown) => (typeof value === "number" ? value : null);
const nameOf = (value: unknown) => (typeof value === "string" || typeof value === "number" ? String(value) : null);

function instant(value: unknown): number | undefined {
  const at = typeof value === "string" ? Date.parse(value) : Number.NaN;
  return Number.isNaN(at) ? undefined : at;
}
