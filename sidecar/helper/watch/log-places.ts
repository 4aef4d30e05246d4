import type { StateFile } from "@inpod/restart-controller";
import type { LogPlace } from "./log-tail.ts";

/** How often the places are written while lines come, milliseconds. */
const saveEvery = 1000;

/**
 * How far each app's log has been read and numbered, kept across the helper's own restart: a line that is read again gets the number it
 * had, so that whoever follows by numbers sees none twice.
 */
export interface LogPlaces {
  /** The number of the next new line. */
  readonly first: number;
  of(app: string): LogPlace | undefined;
  /** A new line has been handed on. */
  passed(app: string, place: LogPlace): void;
  close(): Promise<void>;
}

/** @param fresh the first number where nothing was kept: above all that an earlier helper may have given */
export async function createLogPlaces(deps: {
  readonly file: StateFile;
  readonly fresh: number;
  /** The number that the next new line will have. */
  readonly next: () => number;
}): Promise<LogPlaces> {
  const kept = parseKept(await deps.file.read());
  const places = new Map<string, LogPlace>(Object.entries(kept?.apps ?? {}));
  let timer: NodeJS.Timeout | undefined;
  const save = () => {
    timer = undefined;
    return deps.file.write({ v: 1, next: deps.next(), apps: Object.fromEntries(places) });
  };
  return {
    first: kept?.next ?? deps.fresh,
    of: (app) => places.get(app),
    passed(app, place) {
      places.set(app, place);
      timer ??= setTimeout(() => void save(), saveEvery).unref();
    },
    async close() {
      clearTimeout(timer);
      await save();
    },
  };
}

function parseKept(raw: unknown): { next: number; apps: Record<string, LogPlace> } | undefined {
  if (!isObject(raw) || raw["v"] !== 1 || typeof raw["next"] !== "number" || !isObject(raw["apps"])) return undefined;
  const apps: Record<string, LogPlace> = {};
  for (const [app, place] of Object.entries(raw["apps"])) {
    if (!isObject(place)) continue;
    const { inode, end } = place;
    if (typeof inode === "number" && typeof end === "number") apps[app] = { inode, end };
  }
  return { next: raw["next"], apps };
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
