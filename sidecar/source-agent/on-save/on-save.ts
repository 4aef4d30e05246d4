import { randomUUID } from "node:crypto";
import { existsSync, watch } from "node:fs";
import { join } from "node:path";
import type { RestartRecord } from "../../protocol/index.ts";
import { HelperRefusal, type HelperLink } from "../helper-link.ts";
import { decide, initialState, wakeAt, type Event, type State } from "./decide.ts";

/** How long a restart that a save asked for may take, milliseconds. */
const restartWithin = 120_000;
const waitEach = 50_000;

type Unstamped = Event extends infer E ? (E extends Event ? Omit<E, "at"> : never) : never;

export interface OnSave {
  changed(path: string): void;
  hold(held: boolean): void;
  held(): boolean;
  close(): void;
}

/** Runs the policy of on-save: turns changes into requests to the helper and their ends into events. Has no rule of its own. */
export function createOnSave(deps: {
  readonly root: string;
  readonly apps: readonly string[];
  readonly builds: boolean;
  readonly held: boolean;
  readonly link: Pick<HelperLink, "restart" | "findRestart" | "restarts">;
  /** When the latest build for this request began; undefined when none did. */
  readonly buildBegan: (id: string) => number | undefined;
  readonly say: (sentence: string) => void;
  readonly clock?: { now(): number };
}): OnSave {
  const { link, apps } = deps;
  const clock = deps.clock ?? { now: Date.now };
  const lock = join(deps.root, ".git/index.lock");
  let state: State = { ...initialState, held: deps.held };
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const send = (event: Unstamped) => {
    if (closed) return;
    const decision = decide({ builds: deps.builds }, state, { ...event, at: clock.now() });
    state = decision.state;
    for (const effect of decision.effects) {
      if (effect.kind === "ask") void ask(effect.ask);
      else
        deps.say(
          `${effect.path} changes during every restart, so the app is restarted again and again: if the app or the build writes it, list it in restart.ignore.`,
        );
    }
    clearTimeout(timer);
    const wake = wakeAt(state);
    if (wake !== null) timer = setTimeout(tick, Math.max(0, wake - clock.now()));
  };
  const tick = () => send({ kind: "tick", locked: existsSync(lock) });

  const ask = async (number: number) => {
    try {
      const ends = await Promise.all(apps.map((app) => restart(app)));
      const reads = ends.map(({ readAt }) => readAt);
      const boots = ends.flatMap(({ bootMs }) => bootMs ?? []);
      send({
        kind: "ended",
        ask: number,
        readAt: reads.some((at) => at === null) ? null : Math.min(...reads.map((at) => at ?? 0)),
        bootMs: boots.length === 0 ? null : Math.min(...boots),
      });
    } catch (error) {
      deps.say(`a save could not restart the app: ${error instanceof Error ? error.message : String(error)}`);
      if (error instanceof HelperRefusal) send({ kind: "ended", ask: number, readAt: clock.now(), bootMs: null });
      else send({ kind: "failed", ask: number });
    }
  };

  const restart = async (app: string) => {
    const accepted = await link.restart({
      id: randomUUID(),
      app,
      how: "process",
      origin: "save",
      timeoutMs: restartWithin,
    });
    const id = accepted.merged ?? accepted.id;
    for (;;) {
      const record = await link.findRestart(id, waitEach);
      if (record.outcome !== undefined)
        return { readAt: deps.builds ? (deps.buildBegan(id) ?? null) : spawnOf(record), bootMs: bootOf(record) };
      if (closed) return { readAt: null, bootMs: null };
    }
  };

  // Told when git is done; where it can't be watched, the policy looks by itself now and then.
  let git: { close(): void } | undefined;
  try {
    const watcher = watch(join(deps.root, ".git"), (_, name) => {
      if (name === "index.lock" && state.phase.kind === "locked" && !existsSync(lock)) tick();
    });
    watcher.on("error", () => watcher.close());
    git = watcher;
  } catch {
    git = undefined;
  }

  // The quiet window is known before the first save.
  link.restarts().then(
    (records) => {
      const bootMs = records.findLast((record) => bootOf(record) !== null && apps.includes(record.app));
      if (bootMs !== undefined && state.bootMs === null) state = { ...state, bootMs: bootOf(bootMs) };
    },
    () => {},
  );

  return {
    changed: (path) => send({ kind: "changed", path }),
    hold: (held) => send({ kind: "hold", held }),
    held: () => state.held,
    close() {
      closed = true;
      clearTimeout(timer);
      git?.close();
    },
  };
}

/** When the process was spawned, on this machine's clock; rounding must not make it later than it was. */
function spawnOf({ askedAt, started }: RestartRecord): number | null {
  return started === undefined ? null : Date.parse(askedAt) + started - 1;
}

function bootOf({ started, served }: RestartRecord): number | null {
  return started === undefined || served === undefined ? null : Math.max(0, served - started);
}
