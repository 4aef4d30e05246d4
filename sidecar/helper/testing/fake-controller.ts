import type { RestartController, RestartOptions, RestartRecord } from "@inpod/restart-controller";

export interface FakeController extends RestartController {
  readonly asked: RestartOptions[];
  /** Ends or changes a restart and tells the listeners. */
  put(record: RestartRecord): void;
}

/** Takes every request for `app`; a restart ends when the test puts its end. */
export function fakeController(): FakeController {
  const asked: RestartOptions[] = [];
  const records = new Map<string, RestartRecord>();
  const listeners = new Set<Parameters<RestartController["subscribe"]>[0]>();
  const put = (restart: RestartRecord) => {
    records.set(restart.id, restart);
    for (const listener of listeners) listener({ type: "restart", restart });
  };
  return {
    asked,
    put,
    request(options) {
      asked.push(options);
      if (options.app !== undefined && options.app !== "app") {
        const title = `there is no app "${options.app}" here`;
        return Promise.resolve({ refused: { code: "INPOD_APP_UNKNOWN", title, fix: "name one of: app" } });
      }
      const id = options.id ?? "made-up1";
      put({ id, app: "app", how: "process", origin: "request", askedAt: "2026-01-01T00:00:00.000Z", asked: 0 });
      return Promise.resolve({ id, app: "app", how: "process" as const });
    },
    status: () => [
      {
        name: "app",
        phase: "running",
        generation: 1,
        port: 8080,
        how: "process",
        restarts: { process: 0, container: 0 },
        backoff: { waitSeconds: 0 },
      },
    ],
    history: () => [...records.values()],
    find: (id) => records.get(id),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close: () => Promise.resolve(),
  };
}
