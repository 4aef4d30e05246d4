import { randomUUID } from "node:crypto";
import { whichApp } from "@inpod/restart-controller";
import type { Accepted, Refusal, RestartController, RestartOptions, StateFile } from "@inpod/restart-controller";
import type { AppStatus, RestartRecord } from "../../protocol/index.ts";
import { type Note, withNote } from "./gate-records.ts";
import { type SourceClient, SourceGone, SourceRefusal } from "./source-client.ts";

const kept = 200;
/** How long an agent that is just being restarted is waited for, milliseconds. */
const agentPatience = 10_000;
const agentRetry = 200;

export interface GateOptions extends RestartOptions {
  /** First bring back the files that restart N ran. */
  readonly to?: number;
}

/** The restart controller with the source agent in front: build first, and remember what ran. */
export interface Gate extends Omit<RestartController, "request" | "history" | "find" | "subscribe"> {
  request(options: GateOptions): Promise<Accepted | Refusal>;
  /** Ends the build of a restart that hasn't begun; false when there is none to end. */
  cancel(id: string): boolean;
  history(): readonly RestartRecord[];
  find(id: string): RestartRecord | undefined;
  subscribe(listener: (change: { type: "status" } | { type: "restart"; restart: RestartRecord }) => void): () => void;
}

interface Waiting {
  readonly options: GateOptions & { readonly id: string; readonly app: string };
  readonly askedAt: string;
}

/**
 * A request waits for the build; one that comes meanwhile ends that build, because it may be about a newer save, and shares the next.
 * Where nothing is built, the request goes on at once and the agent takes its snapshot beside it.
 */
export async function createGate(deps: {
  readonly controller: RestartController;
  readonly apps: Parameters<typeof whichApp>[0];
  readonly source: SourceClient;
  /** A build is configured: nothing restarts on request without it. */
  readonly builds: boolean;
  readonly file: StateFile;
  readonly warn: (sentence: string) => void;
  readonly clock?: { now(): number };
}): Promise<Gate> {
  const { controller, source, builds } = deps;
  const clock = deps.clock ?? { now: Date.now };
  const listeners = new Set<Parameters<Gate["subscribe"]>[0]>();
  const { notes, own } = restored(await deps.file.read());
  /** Requests that wait for the build under way, by app; and what ends that build. */
  const waiting = new Map<string, Waiting>();
  let run: AbortController | undefined;
  let closed = false;

  const save = () => deps.file.write({ v: 1, notes: Object.fromEntries(notes), own: [...own.values()] });
  const trim = (map: Map<string, unknown>) => {
    for (const id of map.keys()) {
      if (map.size <= kept) return;
      map.delete(id);
    }
  };
  const tell = (restart: RestartRecord) => {
    for (const listener of listeners) listener({ type: "restart", restart });
  };
  const status = () => {
    for (const listener of listeners) listener({ type: "status" });
  };
  const note = (id: string, more: Note) => {
    notes.set(id, { ...notes.get(id), ...more });
    trim(notes);
    void save();
  };
  const put = (record: RestartRecord) => {
    own.set(record.id, record);
    trim(own);
    void save();
    tell(record);
    status();
  };

  const find = (id: string): RestartRecord | undefined => {
    const mine = own.get(id);
    if (mine !== undefined) return mine;
    const told = notes.get(id);
    const record = controller.find(told?.as ?? id);
    return record === undefined ? undefined : withNote(record, told, id);
  };

  /** A restart that waits for its build is the app's present one. */
  const withBuild = (app: AppStatus): AppStatus => {
    const current = own.get(waiting.get(app.name)?.options.id ?? "");
    return current === undefined ? app : { ...app, current };
  };

  const appOf = (options: GateOptions): AppStatus | undefined => {
    const found = whichApp(deps.apps, options.app);
    return "refused" in found ? undefined : controller.status().find(({ name }) => name === found.app);
  };

  /** Takes a snapshot beside a restart that is under way already. */
  const remember = async (id: string) => {
    try {
      const { ran, note: why } = await source.prepare({ id, build: false }, new AbortController().signal);
      if (why !== undefined) deps.warn(`restart ${id} isn't remembered: ${why}`);
      if (ran === undefined || closed) return;
      note(id, { ran });
      const record = find(id);
      if (record !== undefined) tell(record);
    } catch (error) {
      // Where nothing is configured and nothing is a repository, no agent runs.
      if (!(error instanceof SourceGone)) deps.warn(`restart ${id} isn't remembered: ${String(error)}`);
    }
  };

  const wait = async (options: GateOptions, app: AppStatus): Promise<Accepted | Refusal> => {
    if (options.to !== undefined) {
      const refused = await missing(source, options.to);
      if (refused !== undefined) return refused;
    }
    const how = options.how === undefined || options.how === "auto" ? app.how : options.how;
    const before = waiting.get(app.name);
    const id = before?.options.id ?? options.id ?? randomUUID().slice(0, 8);
    const askedAt = before?.askedAt ?? new Date(clock.now()).toISOString();
    waiting.set(app.name, { options: { ...merged(before?.options, options), id, app: app.name }, askedAt });
    if (before === undefined) {
      put({
        id,
        app: app.name,
        how,
        origin: options.origin ?? "request",
        askedAt,
        asked: 0,
        ...(builds ? { build: {} } : {}),
      });
    }
    run?.abort();
    run = new AbortController();
    void prepareAll(run);
    const asked = options.id ?? randomUUID().slice(0, 8);
    if (before === undefined) return { id, app: app.name, how };
    if (asked !== id) note(asked, { as: id });
    return { id: asked, app: app.name, how, merged: id };
  };

  const prepareAll = async (mine: AbortController) => {
    const all = [...waiting.values()];
    const [first] = all;
    if (first === undefined) return;
    const to = all.findLast(({ options }) => options.to !== undefined)?.options.to;
    let prepared;
    try {
      const what = { id: first.options.id, build: builds, ...(to === undefined ? {} : { to }) };
      prepared = await patiently(() => source.prepare(what, mine.signal), mine.signal);
    } catch (error) {
      if (mine.signal.aborted) return;
      const { title, fix } = sentenceOf(error);
      for (const one of take())
        end(one, { outcome: "refused", message: `${title}; the old process goes on serving. ${fix}` });
      return;
    }
    if (mine.signal.aborted) return;
    const { build, ran, note: why } = prepared;
    if (why !== undefined) deps.warn(`restart ${first.options.id} isn't remembered: ${why}`);
    for (const one of take()) {
      const told = { ...(build === undefined ? {} : { build }), ...(ran === undefined ? {} : { ran }) };
      if (build?.ok === false)
        end(one, {
          ...told,
          outcome: "refused",
          message: `the build failed: the old process goes on serving (${build.why ?? "no reason given"})`,
        });
      else await begin(one, told);
    }
  };
  const take = () => {
    const all = [...waiting.values()];
    waiting.clear();
    run = undefined;
    return all;
  };

  const end = ({ options, askedAt }: Waiting, more: Partial<RestartRecord>) => {
    const begun = own.get(options.id);
    const base = { id: options.id, app: options.app, how: "process", origin: "request", asked: 0, askedAt } as const;
    put({ ...(begun ?? base), ...more });
  };

  /** Built: the controller takes over, and its record stands for ours. */
  const begin = async (one: Waiting, told: Note) => {
    const { to: _, ...options } = one.options;
    note(options.id, { ...told, askedAt: one.askedAt });
    const mine = own.get(options.id);
    own.delete(options.id);
    const answer = await controller.request(options);
    if ("refused" in answer) {
      if (mine !== undefined) own.set(options.id, mine);
      end(one, { ...told, outcome: "refused", message: `${answer.refused.title}. ${answer.refused.fix}` });
      return;
    }
    if (answer.merged !== undefined) note(options.id, { as: answer.merged });
    const record = find(options.id);
    if (record !== undefined) tell(record);
  };

  /** Who asked for a restart that others have joined, or that another one answers. */
  const names = (id: string) => [id, ...[...notes].flatMap(([other, { as }]) => (as === id ? [other] : []))];

  const unsubscribe = controller.subscribe((change) => {
    if (change.type === "status") return status();
    const { restart } = change;
    // Nobody asked us: the liveness file was removed by hand, say.
    if (restart.origin === "hand" && !notes.has(restart.id)) {
      note(restart.id, {});
      void remember(restart.id);
    }
    for (const id of names(restart.id)) {
      const record = find(id);
      if (record !== undefined) tell(record);
    }
  });

  return {
    async request(options) {
      const known = options.id === undefined ? undefined : find(options.id);
      if (known !== undefined)
        return { id: known.id, app: known.app, how: known.how, ...mergedInto(notes.get(known.id)) };
      const app = appOf(options);
      if ((builds || options.to !== undefined) && app !== undefined) return wait(options, app);
      const { to: _, ...plain } = options;
      const answer = await controller.request(plain);
      if (!("refused" in answer)) void remember(answer.merged ?? answer.id);
      return answer;
    },
    cancel(id) {
      const one = [...waiting.values()].find(({ options }) => options.id === id);
      if (one === undefined) return false;
      waiting.delete(one.options.app);
      end(one, { outcome: "refused", message: "called off during the build: the old process goes on serving" });
      run?.abort();
      run = undefined;
      if (waiting.size > 0) {
        run = new AbortController();
        void prepareAll(run);
      }
      return true;
    },
    status: () => controller.status().map(withBuild),
    history() {
      const theirs = controller.history().map((record) => withNote(record, notes.get(record.id)));
      return [...own.values(), ...theirs]
        .toSorted((a, b) => Date.parse(a.askedAt) - Date.parse(b.askedAt))
        .slice(-kept);
    },
    find,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      closed = true;
      unsubscribe();
      run?.abort();
      await save();
      await controller.close();
    },
  };
}

const mergedInto = (note: Note | undefined) => (note?.as === undefined ? {} : { merged: note.as });

/** Both requests in one: whatever either asked for. */
function merged(before: GateOptions | undefined, now: GateOptions): GateOptions {
  if (before === undefined) return now;
  const either = (key: "now" | "ready" | "force") => (before[key] === true || now[key] === true ? { [key]: true } : {});
  return { ...before, ...now, ...either("now"), ...either("ready"), ...either("force") };
}

/** Asks again while nobody answers: `kit init` starts an agent that has died at once. */
async function patiently<T>(ask: () => Promise<T>, cancel: AbortSignal): Promise<T> {
  const giveUp = Date.now() + agentPatience;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof SourceGone) || cancel.aborted || Date.now() >= giveUp) throw error;
      await new Promise((resolve) => setTimeout(resolve, agentRetry));
    }
  }
}

async function missing(source: SourceClient, n: number): Promise<Refusal | undefined> {
  try {
    await source.kept(n);
    return undefined;
  } catch (error) {
    const { code, title, fix } = sentenceOf(error);
    return { refused: { code, title, fix } };
  }
}

function sentenceOf(error: unknown): { code: string; title: string; fix: string } {
  if (error instanceof SourceRefusal) return { ...error.body, fix: error.body.fix ?? "" };
  return {
    code: "INPOD_SOURCE_AGENT_GONE",
    title: error instanceof Error ? error.message : String(error),
    fix: "see the IDE container's log: kubectl logs POD -c ide",
  };
}

/** Who waited for a build when the helper was killed is told so; nothing of it was done. */
function restored(raw: unknown): { notes: Map<string, Note>; own: Map<string, RestartRecord> } {
  if (typeof raw !== "object" || raw === null || !("v" in raw) || raw.v !== 1)
    return { notes: new Map(), own: new Map() };
  const saved = raw as unknown as { notes: Record<string, Note>; own: RestartRecord[] };
  const ended = saved.own.map((record): RestartRecord => {
    if (record.outcome !== undefined) return record;
    return { ...record, outcome: "refused", message: "the helper was restarted during the build: ask again" };
  });
  return { notes: new Map(Object.entries(saved.notes)), own: new Map(ended.map((record) => [record.id, record])) };
}
