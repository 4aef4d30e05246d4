import type { BuildReport, Ran } from "../protocol/index.ts";
import { type BuildCommand, runBuild } from "./build/run-build.ts";
import type { Snapshots } from "./git/snapshots.ts";

/** How many requests are remembered: a snapshot taken again for one of them takes its number. */
const requestsKept = 64;

export interface Preparation {
  readonly id: string;
  readonly build: boolean;
  readonly to?: number | undefined;
}

/** What was done before a restart; `build` absent where none runs, `ran` where nothing is remembered. */
export interface Prepared {
  readonly build?: BuildReport;
  readonly ran?: Ran;
  /** Why there is no snapshot although there should be. */
  readonly note?: string;
}

export interface Preparer {
  /** Brings back files if asked to, builds, remembers what will run; undefined when it was cancelled. */
  prepare(what: Preparation, cancel: AbortSignal): Promise<Prepared | undefined>;
  buildBegan(id: string): number | undefined;
}

export function createPreparer(deps: {
  readonly root: string;
  readonly command: BuildCommand | undefined;
  readonly timeoutMs: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly snapshots: Snapshots;
}): Preparer {
  const { snapshots } = deps;
  const numbers = new Map<string, number>();
  const begun = new Map<string, number>();
  let building: Promise<unknown> = Promise.resolve();

  const build = async (id: string, cancel: AbortSignal): Promise<BuildReport | undefined | null> => {
    if (deps.command === undefined) return null;
    // The one before was cancelled or is done; its last process must be gone before two write the same files.
    await building.catch(() => {});
    begun.set(id, Date.now());
    forget(begun);
    const running = runBuild({ ...deps, command: deps.command, cwd: deps.root, cancel });
    building = running;
    return running;
  };

  return {
    buildBegan: (id) => begun.get(id),
    async prepare({ id, build: wanted, to }, cancel) {
      const back = to === undefined ? undefined : { to, undo: (await snapshots.restore(to)).undo };
      // Beside the build: both read what is there now. Its number is given when it is known that it will run.
      const tree = snapshots.available() ? snapshots.take() : undefined;
      tree?.catch(() => {});
      const built = wanted ? await build(id, cancel) : null;
      if (built === undefined) return undefined;
      const report = built === null ? {} : { build: built };
      if (built?.ok === false || tree === undefined) return report;
      try {
        const ran = await snapshots.remember(await tree, numbers.get(id));
        numbers.set(id, ran.n);
        forget(numbers);
        return { ...report, ran: { ...ran, ...back } };
      } catch (error) {
        return { ...report, note: error instanceof Error ? error.message : String(error) };
      }
    },
  };
}

function forget(map: Map<string, number>): void {
  for (const id of map.keys()) {
    if (map.size <= requestsKept) return;
    map.delete(id);
  }
}
