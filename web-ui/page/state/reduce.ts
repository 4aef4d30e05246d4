import type { LogLine, RestartRecord, Status } from "@inpod/sidecar/protocol";
import { keptLines, keptRestarts, type Model, type PageEvent, type SeenRestart } from "./model.ts";

/** The page's next state. */
export function reduce(model: Model, event: PageEvent): Model {
  switch (event.type) {
    case "opened":
      // What was under way may have ended unseen: it comes again by the fetch that follows.
      return {
        ...model,
        connection: "live",
        live: 0,
        restarts: model.restarts.filter(({ record }) => record.outcome !== undefined),
      };
    case "lost":
      return { ...model, connection: "lost" };
    case "fetched":
      return fetched(model, event);
    case "status":
      return withCurrent({ ...model, status: event.status }, event.status, event.now);
    case "restart":
      return { ...model, restarts: seen(model.restarts, event.restart, event.now - known(event.restart)) };
    case "lines":
      return withLines(model, event.lines);
    case "asked": {
      const { notice: _, ...rest } = model;
      return rest;
    }
    case "joined":
      return notice(model, `A restart of ${event.app} is under way: this request joined it.`);
    case "noted":
      return notice(model, event.text);
    case "refused": {
      const { title, detail, fix } = event.error;
      const text = detail === undefined ? title : `${title}: ${detail}`;
      return { ...model, notice: { tone: "bad", text, ...(fix === undefined ? {} : { fix }) } };
    }
  }
}

function notice(model: Model, text: string): Model {
  return { ...model, notice: { tone: "quiet", text } };
}

/** A fetch is the truth about everything but what came as an event after the connection opened. */
function fetched(model: Model, event: Extract<PageEvent, { type: "fetched" }>): Model {
  const later = model.lines.slice(model.lines.length - model.live);
  const lines = [...event.lines, ...later.filter((line) => line.seq > lastSeq(event.lines, line.app))];
  let { restarts } = model;
  for (const record of event.restarts) {
    const ago = event.wall - Date.parse(record.askedAt);
    // Only a guess between two clocks, so a wild one isn't used.
    const guess = record.outcome === undefined && ago > 0 && ago < 600_000 ? ago : 0;
    restarts = seen(restarts, record, event.now - Math.max(known(record), guess));
  }
  const next: Model = { ...model, status: event.status, restarts, lines: lines.slice(-keptLines) };
  return withCurrent(next, event.status, event.now);
}

/** A status tells of the restart under way too; whichever event is first starts the row. */
function withCurrent(model: Model, status: Status, now: number): Model {
  let { restarts } = model;
  for (const { current } of status.app) {
    if (current !== undefined) restarts = seen(restarts, current, now - known(current));
  }
  return restarts === model.restarts ? model : { ...model, restarts };
}

function seen(restarts: readonly SeenRestart[], record: RestartRecord, askedOnPage: number): readonly SeenRestart[] {
  const before = restarts.find((one) => one.record.id === record.id);
  if (before === undefined) {
    const later = restarts.filter((one) => one.record.askedAt > record.askedAt);
    return [...later, { record, askedOnPage }, ...restarts.slice(later.length)].slice(0, keptRestarts);
  }
  // Events and answers may overtake each other: a restart that has ended stays ended.
  if (before.record.outcome !== undefined && record.outcome === undefined) return restarts;
  return restarts.map((one) => (one === before ? { record, askedOnPage: before.askedOnPage } : one));
}

/** The least that has passed since this restart was asked. */
function known({ stopped = 0, started = 0, served = 0, ready = 0 }: RestartRecord): number {
  return Math.max(stopped, started, served, ready);
}

function withLines(model: Model, lines: readonly LogLine[]): Model {
  const fresh: LogLine[] = [];
  for (const line of lines) {
    if (line.seq > Math.max(lastSeq(model.lines, line.app), lastSeq(fresh, line.app))) fresh.push(line);
  }
  if (fresh.length === 0) return model;
  const all = [...model.lines, ...fresh].slice(-keptLines);
  return { ...model, lines: all, live: Math.min(model.live + fresh.length, all.length) };
}

function lastSeq(lines: readonly LogLine[], app: string): number {
  return lines.findLast((line) => line.app === app)?.seq ?? -1;
}
