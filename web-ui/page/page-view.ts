import type { AppStatus, How, Status } from "@inpod/sidecar/protocol";
import { createAppView, type AppView } from "./app/app-view.ts";
import { byId, h, setAttribute, setText } from "./dom.ts";
import { clockText } from "./duration.ts";
import { createLogView } from "./log/log-view.ts";
import type { Model } from "./state/model.ts";
import { createTimelineView } from "./timeline/timeline-view.ts";
import { ideText, phaseWord, restartSentence, sourceText, type Tone } from "./words.ts";

export interface PageView {
  /** `now` is the page's clock, milliseconds. */
  update(model: Model, now: number): void;
  readonly togglePause: () => void;
  readonly focusSearch: () => void;
}

/** The whole page; draws what the model says and decides nothing. */
export function createPageView(release: string, restart: (app: string, how: How | "auto") => void): PageView {
  const lost = h("p", { class: "lost", role: "alert" });
  const connecting = h("p", { class: "empty" }, "Asking the helper what runs…");
  const apps = h("div", { class: "apps" });
  const source = h("p", { class: "source" });
  const timeline = createTimelineView();
  const log = createLogView();
  const views = new Map<string, AppView>();
  const announce = createAnnouncer(byId("announce"));
  byId("page").replaceChildren(lost, connecting, apps, source, timeline.element, log.element);

  return {
    togglePause: log.togglePause,
    focusSearch: log.focusSearch,
    update(model, now) {
      const { status, connection } = model;
      showTone(byId("connection"), connectionText[connection], connection === "lost" ? "bad" : "quiet");
      lost.hidden = connection !== "lost";
      if (connection === "lost") setText(lost, lostText(model));
      else delete lost.dataset["since"];
      connecting.hidden = status !== undefined;
      for (const part of [apps, source, timeline.element, log.element]) part.hidden = status === undefined;
      if (status === undefined) return;

      setText(byId("version"), status.version);
      const ide = ideText(status);
      showTone(byId("ide-state"), ide.text, ide.tone);
      document.title = `${titleText(status)}${release} · inpod`;
      drawApps(status, model, now);
      const said = sourceText(status);
      source.hidden = said === undefined;
      showTone(source, said?.text ?? "", said?.tone ?? "quiet");
      timeline.update(model.restarts, now, emptyTimeline(status));
      log.update(
        model.lines,
        status.app.map(({ name }) => name),
        emptyLog(status),
      );
      announce(model);
    },
  };

  function drawApps(status: Status, model: Model, now: number): void {
    for (const app of status.app) {
      let view = views.get(app.name);
      if (view === undefined) {
        view = createAppView(app.name, (how) => restart(app.name, how));
        views.set(app.name, view);
        apps.append(view.element);
      }
      const last = model.restarts.find(({ record }) => record.app === app.name);
      view.update(app, last, app === status.app[0] ? model.notice : undefined, now);
    }
    if (status.app.length === 0 && apps.childElementCount === 0) {
      apps.append(h("p", { class: "empty" }, "No app beside this workspace: it is an IDE in a pod of its own."));
    }
  }

  function lostText(model: Model): string {
    lost.dataset["since"] ??= new Date().toISOString();
    const since = clockText(lost.dataset["since"], new Date());
    const shown = model.status === undefined ? "" : ` What you see is from ${since}.`;
    return `Connection to the helper lost at ${since}; trying again.${shown} The app isn't touched by this.`;
  }
}

const connectionText = { connecting: "connecting", live: "live", lost: "connection lost" } as const;

function titleText(status: Status): string {
  const [app] = status.app;
  return app === undefined ? "" : `${app.name} ${phaseWord[app.phase]} · `;
}

function emptyTimeline(status: Status): string {
  const name = status.app[0]?.name ?? "app";
  return status.app.length === 0
    ? "Nothing to restart here."
    : `No restart yet: type \`restart ${name}\` in the IDE's terminal, or press \`r\`.`;
}

function emptyLog(status: Status): string {
  const [app] = status.app;
  if (app === undefined) return "No app, no log.";
  if (supervised(app)) return "Nothing written yet.";
  return `The app runs without inpod's supervisor, so its log is the container's: \`kubectl logs -f -c ${app.name} -l inpod.dev/workspace=${status.release}\``;
}

/** Only the supervisor writes a log that the helper can read, and only it can replace a process. */
const supervised = (app: AppStatus) => app.how === "process";

function showTone(element: HTMLElement, text: string, tone: Tone): void {
  setText(element, text);
  setAttribute(element, "data-tone", tone);
}

/** Says to screen readers what changes: each phase once, and the end of each restart. */
function createAnnouncer(element: HTMLElement): (model: Model) => void {
  let phases: string | undefined;
  return ({ status, restarts }) => {
    const next = (status?.app ?? []).map(({ name, phase }) => `${name} ${phaseWord[phase]}`).join(", ");
    if (next === phases) return;
    const first = phases === undefined;
    phases = next;
    const [last] = restarts;
    const ended = !first && last?.record.outcome !== undefined ? ` ${restartSentence(last.record)}.` : "";
    if (!first) setText(element, `${next}.${ended}`);
  };
}
