import { restartText } from "../../cli/restart-text.ts";
import type { AppPhase, AppStatus, RestartRecord } from "../../protocol/api.ts";
import { splitText } from "./split-text.ts";

/** What a status-bar entry shows; icons as VS Code spells them in text. */
export interface Button {
  readonly text: string;
  readonly tooltip: string;
  /** How loud it is. */
  readonly tone: "calm" | "warning" | "error";
}

const words: Readonly<Record<AppPhase, { icon: string; tone: Button["tone"] }>> = {
  running: { icon: "debug-restart", tone: "calm" },
  restarting: { icon: "sync~spin", tone: "calm" },
  crashed: { icon: "error", tone: "error" },
  stopped: { icon: "debug-stop", tone: "warning" },
  down: { icon: "warning", tone: "warning" },
  unknown: { icon: "question", tone: "calm" },
};

/**
 * The entry of one app. `ended` is its last restart, for as long as that is news. The app's own name is said when there are
 * several.
 */
export function appButton(app: AppStatus, several: boolean, ended: RestartRecord | undefined): Button {
  const name = several ? app.name : "app";
  const { icon, tone } = words[app.phase];
  const facts = factsText(app, ended);
  if (app.phase === "restarting") {
    return { text: `$(${icon}) ${name} restarting: ${stepText(app.current)}`, tooltip: facts, tone };
  }
  if (app.phase === "running" && ended?.outcome === "served") {
    return { text: `$(check) ${name} running: ${splitText(ended)}`, tooltip: facts, tone };
  }
  return { text: `$(${icon}) ${name} ${app.phase}${exitText(app)}`, tooltip: facts, tone };
}

/** The one entry while there is no word from the helper. */
export function silentButton(everHeard: boolean, problem: string | undefined): Button {
  const why = problem === undefined ? "" : `\n${problem}`;
  return everHeard
    ? {
        text: "$(debug-disconnect) inpod reconnecting",
        tooltip: `The helper doesn't answer; trying again.${why}`,
        tone: "warning",
      }
    : { text: "$(plug) inpod connecting", tooltip: `No word from the helper yet.${why}`, tone: "calm" };
}

/** The one entry of a workspace without an app beside it. */
export const standaloneButton: Button = {
  text: "$(server) inpod",
  tooltip: "This workspace has no app beside it. Click for its page.",
  tone: "calm",
};

/** What a restart is waiting for. */
export function stepText(current: RestartRecord | undefined): string {
  if (current === undefined) return "not served yet";
  if (current.started !== undefined) return "started, not served yet";
  if (current.waitsUntil !== undefined)
    return `waiting in the kubelet's back-off until ${current.waitsUntil.slice(11, 19)} UTC`;
  if (current.stopped !== undefined) return "stopped, not started yet";
  return current.how === "container" ? "waiting for the kubelet's probe" : "stopping";
}

function exitText({ phase, lastExit }: AppStatus): string {
  if (phase !== "crashed" || lastExit === undefined) return "";
  return lastExit.signal === null ? ` (exit code ${lastExit.code})` : ` (${lastExit.signal})`;
}

function factsText(app: AppStatus, ended: RestartRecord | undefined): string {
  const { process, container } = app.restarts;
  const lines = [
    `${app.name}: ${app.phase}${exitText(app)}`,
    ...(app.port === undefined ? [] : [`port ${app.port}${app.pid === undefined ? "" : `, pid ${app.pid}`}`]),
    `restarts: ${process} process, ${container} container`,
    ...(ended === undefined ? [] : [restartText(ended)]),
    ...(app.backoff.waitSeconds === 0
      ? []
      : [
          app.backoff.running && app.backoff.until !== undefined
            ? `the kubelet doesn't start the container before ${app.backoff.until.slice(11, 19)} UTC`
            : `after a container restart now the kubelet would wait ${Math.ceil(app.backoff.waitSeconds)} s`,
        ]),
    app.phase === "restarting" ? "A restart is under way." : `Click: save all, then ${app.how} restart.`,
  ];
  return lines.join("\n");
}
