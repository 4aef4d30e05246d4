import { randomUUID } from "node:crypto";
import { createAppMachine } from "./app-machine.ts";
import type { AppFiles, AppMachine } from "./app-machine.ts";
import type { ImageAlias } from "./image-alias.ts";
import { initialState } from "./core/index.ts";
import type { App, RestartRecord } from "./core/index.ts";
import type { Front } from "./front.ts";
import type { Accepted, RestartController } from "./index.ts";
import { fromSaved, toSaved } from "./saved.ts";
import { createSteadyClock } from "./steady-clock.ts";
import { createStateFile } from "./state-file.ts";
import { whichApp } from "./which-app.ts";

const historyKept = 200;
const defaultTimeout = 30_000;
const logLinesKept = 50;
/** The latest restarts that did not come up keep their last lines; the whole history is written at every step of a restart. */
const logsKept = 10;

export interface ControllerDeps {
  readonly apps: readonly (App & { readonly readyPath?: string; readonly sourcePath?: string })[];
  readonly filesOf: (app: string) => AppFiles;
  /** Path of the kit, for watching ports; /proc is read without it. */
  readonly kit?: string;
  /** For apps with `alias`: changes image strings of this pod. */
  readonly imageAlias?: ImageAlias;
  /** The front before the app that has `front` set. */
  readonly front?: Front;
  /** Where what is under way survives the helper's own restart. */
  readonly stateFile: string;
  /** The last lines the app wrote, for a restart that did not come up; newest last. */
  readonly lastLines?: (app: string, count: number) => readonly string[];
  /** Resolves when all that the app has written so far is among them. */
  readonly logRead?: (app: string) => Promise<void>;
  /** The state could not be written: restarts go on, but the next helper won't know of them. */
  readonly onError?: (error: Error) => void;
  /** Milliseconds since the epoch, never going back. */
  readonly clock?: { now(): number };
}

/** Starts watching every app; takes up what an earlier controller on the same state file left under way. */
export async function createRestartController(deps: ControllerDeps): Promise<RestartController> {
  const clock = deps.clock ?? createSteadyClock();
  const stateFile = createStateFile(deps.stateFile, deps.onError ?? (() => {}));
  const saved = fromSaved(await stateFile.read());
  const listeners = new Set<Parameters<RestartController["subscribe"]>[0]>();
  const history = new Map<string, RestartRecord>(saved.history.map((record) => [record.id, record]));
  const machines = new Map<string, AppMachine>();

  const save = () =>
    stateFile.write(
      toSaved({
        apps: Object.fromEntries([...machines].map(([name, machine]) => [name, machine.state()])),
        history: [...history.values()],
      }),
    );

  const publish = (record: RestartRecord) => {
    const failed = record.outcome !== undefined && record.outcome !== "served";
    const log = failed ? (deps.lastLines?.(record.app, logLinesKept) ?? []) : [];
    const whole = log.length === 0 ? record : { ...record, log };
    history.set(record.id, whole);
    for (const id of history.keys()) {
      if (history.size <= historyKept) break;
      history.delete(id);
    }
    if (log.length > 0) forgetOldLogs(history);
    for (const listener of listeners) listener({ type: "restart", restart: whole });
  };

  for (const app of deps.apps) {
    machines.set(
      app.name,
      createAppMachine({
        app,
        files: deps.filesOf(app.name),
        initial: saved.apps[app.name] ?? initialState,
        kit: deps.kit,
        imageAlias: deps.imageAlias,
        logRead: async () => deps.logRead?.(app.name),
        ...(deps.front === undefined || app.front === undefined ? {} : { front: deps.front }),
        clock,
        newId: () => randomUUID().slice(0, 8),
        save,
        publish,
        onStatus: () => {
          for (const listener of listeners) listener({ type: "status" });
        },
      }),
    );
  }

  return {
    async request(options) {
      const found = whichApp(deps.apps, options.app);
      if ("refused" in found) return found;
      const machine = machines.get(found.app);
      if (machine === undefined) throw new Error(`${found.app} has no machine`);
      const id = options.id ?? randomUUID().slice(0, 8);
      const known = history.get(id);
      if (known !== undefined) return { id, app: known.app, how: known.how };
      const reply = await machine.dispatch({
        kind: "request",
        request: {
          id,
          how: options.how ?? "auto",
          now: options.now ?? false,
          ready: options.ready ?? false,
          force: options.force ?? false,
          timeoutMs: options.timeoutMs ?? defaultTimeout,
          ...(options.origin === undefined ? {} : { origin: options.origin }),
        },
      });
      switch (reply?.kind) {
        case "accepted":
          return { id, app: found.app, how: reply.how, ...(reply.note === undefined ? {} : { note: reply.note }) };
        case "merged":
          return {
            id,
            app: found.app,
            how: reply.how,
            merged: reply.into,
            ...(reply.note === undefined ? {} : { note: reply.note }),
          } satisfies Accepted;
        case "refused":
          return { refused: { code: reply.code, title: reply.title, fix: reply.fix } };
        case undefined:
          return {
            refused: {
              code: "INPOD_HELPER_CLOSING",
              title: "the helper is shutting down",
              fix: "ask again in a second",
            },
          };
      }
    },
    status: () => [...machines.values()].map((machine) => machine.status()),
    history: () => [...history.values()],
    find: (id) => history.get(id),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      for (const machine of machines.values()) machine.close();
      await save();
    },
  };
}

function forgetOldLogs(history: Map<string, RestartRecord>): void {
  const withLog = [...history.values()].filter((record) => record.log !== undefined);
  for (const { log: _forgotten, ...rest } of withLog.slice(0, -logsKept)) history.set(rest.id, rest);
}
