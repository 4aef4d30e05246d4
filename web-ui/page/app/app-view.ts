import type { AppStatus, How } from "@inpod/sidecar/protocol";
import { button, h, setAttribute, setText } from "../dom.ts";
import { ageText, clockText, durationText } from "../duration.ts";
import type { Notice, SeenRestart } from "../state/model.ts";
import { appFacts, containerText, outcomeText, phaseTone, phaseWord, promiseText, stepText } from "../words.ts";

export interface AppView {
  readonly element: HTMLElement;
  /** `last` is this app's newest restart; `now` the page's clock. */
  update(app: AppStatus, last: SeenRestart | undefined, notice: Notice | undefined, now: number): void;
}

/** One app: what it is doing in words, its facts, and the buttons that start it anew. */
export function createAppView(name: string, restart: (how: How | "auto") => void): AppView {
  const dot = h("span", { class: "dot", "aria-hidden": "true" });
  const phase = h("strong", { class: "phase" });
  const step = h("span", { class: "step" });
  const facts = h("p", { class: "facts" });
  const promise = h("p", { class: "promise" });
  const lastLine = h("p", { class: "last" });
  const noticeLine = h("p", { class: "notice", role: "status" });
  const key = h("kbd", { "aria-hidden": "true" }, "r");
  const label = h("span", {}, `Restart ${name}`);
  const ask = button("", "accent", () => restart("auto"));
  ask.append(label, key);
  ask.setAttribute("aria-keyshortcuts", "r");
  const container = button("Restart container", "plain", () => restart("container"));
  const buttons = h("div", { class: "buttons" }, ask, container);
  const state = h("h2", {}, dot, h("span", { class: "name" }, name), phase, step);
  const element = h("section", { class: "app", "aria-label": `App ${name}` });
  element.append(h("div", { class: "line" }, state, buttons), facts, lastLine, promise, noticeLine);

  return {
    element,
    update(app, last, notice, now) {
      const { current } = app;
      setAttribute(element, "data-tone", phaseTone[app.phase]);
      setText(phase, phaseWord[app.phase]);
      setText(step, current === undefined ? "" : stepText(current, app.port));
      setText(facts, appFacts(app, sinceText(app, new Date())).join(" · "));
      // One that is under way takes further requests in: the button says so and stays.
      setText(label, current === undefined ? `Restart ${name}` : "Restart under way");
      setAttribute(ask, "data-busy", current === undefined ? undefined : "true");
      container.hidden = app.how === "container";
      setAttribute(container, "title", containerText(app));
      const { text, tone } = promiseText(app);
      setAttribute(ask, "title", current === undefined ? text : "Asking again joins the restart under way");
      setText(promise, tone === "bad" ? text : "");
      setAttribute(promise, "data-tone", tone);
      lastLine.replaceChildren(...lastText(last, now));
      lastLine.hidden = lastLine.childNodes.length === 0;
      setText(
        noticeLine,
        notice === undefined ? "" : `${notice.text}${notice.fix === undefined ? "" : ` (${notice.fix})`}`,
      );
      setAttribute(noticeLine, "data-tone", notice?.tone);
    },
  };
}

function sinceText({ servedAt }: AppStatus, now: Date): string | undefined {
  if (servedAt === undefined) return undefined;
  return `for ${ageText(now.getTime() - Date.parse(servedAt))}, since ${clockText(servedAt, now)}`;
}

/** The newest restart in large figures: what it took, and what its callers felt of it. */
function lastText(last: SeenRestart | undefined, now: number): readonly (Node | string)[] {
  if (last === undefined) return [];
  const { record, askedOnPage } = last;
  const { served, stopped, outcome, message } = record;
  if (outcome === undefined) return ["Restart under way for ", figure(now - askedOnPage)];
  if (outcome !== "served" || served === undefined) {
    return [`Last restart ${outcomeText(record)}`, ...(message === undefined ? [] : [`: ${message}`])];
  }
  const closed = stopped === undefined ? [] : [", port closed for ", figure(Math.max(0, served - stopped))];
  return ["Last restart served in ", figure(served), ...closed];
}

const figure = (ms: number) => h("b", {}, durationText(Math.max(0, ms)));
