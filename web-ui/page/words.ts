import type { AppPhase, AppStatus, Exit, RestartRecord, Status } from "@inpod/sidecar/protocol";
import { durationText } from "./duration.ts";

/** Colour only ever repeats what a word says. */
export type Tone = "good" | "busy" | "bad" | "quiet";

export const phaseTone: Readonly<Record<AppPhase, Tone>> = {
  running: "good",
  restarting: "busy",
  crashed: "bad",
  stopped: "bad",
  down: "bad",
  unknown: "quiet",
};

export const phaseWord: Readonly<Record<AppPhase, string>> = {
  running: "running",
  restarting: "restarting",
  crashed: "crashed",
  stopped: "stopped",
  down: "down",
  unknown: "not known yet",
};

export const originText: Readonly<Record<RestartRecord["origin"], string>> = {
  request: "request",
  save: "on save",
  hand: "by hand",
  itself: "by itself",
};

/** What a restart is doing at this moment. */
export function stepText({ how, stopped, started, waitsUntil }: RestartRecord, port?: number): string {
  const open = port === undefined ? "waiting until it is up" : `waiting until port ${port} opens`;
  if (started !== undefined) return `the new process boots, ${open}`;
  if (stopped !== undefined && waitsUntil !== undefined) {
    return `waiting in the kubelet's back-off until ${waitsUntil.slice(11, 19)} UTC at least`;
  }
  if (stopped !== undefined) {
    return `the old process has stopped, ${how === "container" ? open : "starting the new one"}`;
  }
  return how === "container" ? "waiting for the kubelet's next probe" : "stopping the old process";
}

/** The same in one word, where room is short. */
export function stepWord({ stopped, started, waitsUntil }: RestartRecord): string {
  if (started !== undefined) return "booting";
  if (waitsUntil !== undefined) return "back-off";
  return stopped === undefined ? "stopping" : "starting";
}

export function exitText({ code, signal }: Exit): string {
  return signal === null ? `exit code ${code}` : `ended by ${signal}`;
}

/** The end of a restart in a word or two. */
export function outcomeText({ outcome, exit }: RestartRecord): string {
  if (outcome === undefined) return "under way";
  if (outcome === "timeout") return "timed out";
  return outcome === "crashed" && exit !== undefined ? `crashed, ${exitText(exit)}` : outcome;
}

export function outcomeTone({ outcome }: RestartRecord): Tone {
  if (outcome === undefined) return "busy";
  if (outcome === "served") return "good";
  return outcome === "refused" ? "quiet" : "bad";
}

/** One restart as a sentence, for screen readers and for the announcement of its end. */
export function restartSentence(record: RestartRecord): string {
  const { app, how, stopped, started, served, ready, message } = record;
  const by = record.origin === "request" ? "" : `, ${originText[record.origin]}`;
  const head = `${app}: ${how} restart${by}`;
  if (record.outcome === undefined) return `${head}, ${stepText(record)}`;
  const parts = Object.entries({ stopped, started, served, ready }).flatMap(([name, ms]) =>
    ms === undefined ? [] : [`${name} after ${durationText(ms)}`],
  );
  const split = parts.length === 0 ? "" : `: ${parts.join(", ")}`;
  if (record.outcome !== "served") {
    return `${head} ${outcomeText(record)}${message === undefined ? split : `: ${message}`}`;
  }
  const closed =
    served === undefined || stopped === undefined || served < stopped
      ? ""
      : `; the port was closed for ${durationText(served - stopped)}`;
  return `${head}${split}${closed}`;
}

/** What the app's state line says behind the phase, in order. `since` is for how long and since when it serves. */
export function appFacts(app: AppStatus, since: string | undefined): readonly string[] {
  const { process, container } = app.restarts;
  const total = process + container;
  return [
    ...(app.phase === "running" && since !== undefined ? [since] : []),
    ...(app.phase === "crashed" && app.lastExit !== undefined ? [exitText(app.lastExit)] : []),
    app.port === undefined ? "no port" : `port ${app.port}`,
    ...(app.pid === undefined || app.phase === "crashed" ? [] : [`pid ${app.pid}`]),
    total === 0
      ? "not restarted yet"
      : `${total} ${total === 1 ? "restart" : "restarts"}${splitText(process, container)}`,
  ];
}

function splitText(process: number, container: number): string {
  if (process === 0) return container === 1 ? " of the container" : ", all of the container";
  return container === 0 ? "" : `, ${container} of the container`;
}

/** How a restart asked now would be done; the kubelet's back-off is said before it is felt. */
export function promiseText(app: AppStatus): { text: string; tone: Tone } {
  const { waitSeconds, until, running } = app.backoff;
  if (running && until !== undefined) {
    return {
      text: `The kubelet doesn't start the container before ${until.slice(11, 19)} UTC (crash-loop back-off).`,
      tone: "bad",
    };
  }
  if (app.how === "container" && waitSeconds > 0) {
    return {
      text: `The kubelet would now wait ${waitSeconds} s before it starts the container again (crash-loop back-off).`,
      tone: "bad",
    };
  }
  return app.how === "process"
    ? { text: "Replaces the process in its container: milliseconds", tone: "quiet" }
    : { text: "Restarts the container at the kubelet's next probe: a second or two", tone: "quiet" };
}

/** What the button for a container restart beside the quick one says of itself. */
export function containerText({ backoff }: AppStatus): string {
  const what = "Slower; gives the app a clean file system and its environment read anew";
  return backoff.waitSeconds === 0
    ? what
    : `${what}. The kubelet would now wait ${backoff.waitSeconds} s (crash-loop back-off)`;
}

export function ideText({ ide }: Status): { text: string; tone: Tone } {
  switch (ide.phase) {
    case "running":
      return { text: "IDE running", tone: "good" };
    case "starting":
      return { text: "IDE starting", tone: "busy" };
    case "down":
      return { text: "IDE down", tone: "bad" };
  }
}

/** What the person could lose, in one sentence; undefined when there is nothing to say. */
export function sourceText({ source, mode }: Status): { text: string; tone: Tone } | undefined {
  const { dirtyFiles, durable } = source;
  const dirty =
    dirtyFiles === null
      ? undefined
      : dirtyFiles === 0
        ? "Everything is committed."
        : `${dirtyFiles} ${dirtyFiles === 1 ? "file is" : "files are"} changed and not committed.`;
  if (durable === false && mode !== "local") {
    return {
      text: `${dirty === undefined ? "" : `${dirty} `}The source lives and dies with this pod: commit and push what you want to keep.`,
      tone: dirtyFiles === 0 ? "quiet" : "busy",
    };
  }
  return dirty === undefined ? undefined : { text: dirty, tone: "quiet" };
}
