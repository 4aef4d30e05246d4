import type { How } from "@inpod/sidecar/protocol";
import { button, h, setAttribute, setTextWithCode } from "../dom.ts";
import { durationText } from "../duration.ts";
import type { SeenRestart } from "../state/model.ts";
import { barOf, type Scale, scaleOf } from "./geometry.ts";
import { createRowView, type RowView } from "./row-view.ts";
import { readout } from "./readout.ts";

export interface TimelineView {
  readonly element: HTMLElement;
  update(restarts: readonly SeenRestart[], now: number, emptyText: string): void;
}

type Filter = How | "all";

/** The last restarts, newest on top, each a row on one common scale. */
export function createTimelineView(): TimelineView {
  const rows = new Map<string, RowView>();
  const legend = h("div", { class: "legend", "aria-hidden": "true" });
  const ticks = h("div", { class: "ticks", "aria-hidden": "true" });
  const head = h(
    "div",
    { class: "row head", role: "row" },
    columnHead("when", "asked"),
    columnHead("how", "how"),
    h("div", { class: "scale", role: "columnheader" }, h("span", { class: "unseen" }, "bar"), ticks),
    columnHead("served", "served in"),
    columnHead("closed", "port closed"),
  );
  const body = h("div", { class: "rows", role: "rowgroup" });
  const table = h("div", { class: "table", role: "table", "aria-label": "The last restarts, newest first" });
  table.append(h("div", { role: "rowgroup", class: "rowgroup" }, head), body);
  const empty = h("p", { class: "empty" });
  const filters = h("div", { class: "filters", role: "group", "aria-label": "Which restarts" });
  const element = h("section", { class: "timeline", "aria-label": "Restarts" });
  element.append(h("header", {}, h("h2", {}, "Restarts"), filters, h("span", { class: "fill" }), legend), empty, table);

  let filter: Filter = "all";
  let latest: { restarts: readonly SeenRestart[]; now: number; emptyText: string } | undefined;
  let pointed: string | undefined;
  const choices = (["all", "process", "container"] as const).map((choice) => {
    const one = button(choice, "choice", () => {
      filter = choice;
      draw();
    });
    filters.append(one);
    return { choice, one };
  });

  const point = (id: string | undefined) => {
    if (pointed === id) return;
    pointed = id;
    drawLegend();
  };
  const idOf = (target: EventTarget | null) =>
    target instanceof Element ? target.closest<HTMLElement>(".rows > .row")?.dataset["id"] : undefined;
  body.addEventListener("pointerover", (event) => point(idOf(event.target)));
  body.addEventListener("pointerleave", () => point(idOf(document.activeElement)));
  body.addEventListener("focusin", (event) => point(idOf(event.target)));
  body.addEventListener("focusout", () => point(undefined));
  body.addEventListener("keydown", (event) => moveFocus(body, event));

  const drawLegend = () =>
    legend.replaceChildren(...readout(latest?.restarts.find(({ record }) => record.id === pointed)));
  drawLegend();

  const draw = () => {
    if (latest === undefined) return;
    const { restarts, now, emptyText } = latest;
    const kinds = new Set(restarts.map(({ record }) => record.how));
    filters.hidden = kinds.size < 2;
    if (filters.hidden) filter = "all";
    for (const { choice, one } of choices) setAttribute(one, "aria-pressed", String(choice === filter));
    const shown = restarts.filter(({ record }) => filter === "all" || record.how === filter);
    const showApp = new Set(restarts.map(({ record }) => record.app)).size > 1;
    const scale = scaleOf(shown.map((seen) => barOf(seen.record, now - seen.askedOnPage)));

    setTextWithCode(empty, emptyText);
    empty.hidden = restarts.length > 0;
    table.hidden = restarts.length === 0;
    legend.hidden = restarts.length === 0;
    drawTicks(ticks, body, scale);
    for (const [id, row] of rows) {
      if (shown.some(({ record }) => record.id === id)) continue;
      row.element.remove();
      rows.delete(id);
    }
    shown.forEach((seen, index) => {
      const { id } = seen.record;
      const row = rows.get(id) ?? createRowView();
      rows.set(id, row);
      row.element.dataset["id"] = id;
      row.update(seen, scale, now - seen.askedOnPage, showApp);
      if (body.children[index] !== row.element) body.insertBefore(row.element, body.children[index] ?? null);
    });
    if (body.querySelector('[tabindex="0"]') === null) body.firstElementChild?.setAttribute("tabindex", "0");
  };

  return {
    element,
    update(restarts, now, emptyText) {
      const known = restarts === latest?.restarts;
      latest = { restarts, now, emptyText };
      draw();
      if (pointed !== undefined && !known) drawLegend();
    },
  };
}

function columnHead(name: string, text: string): HTMLElement {
  return h("div", { class: name, role: "columnheader" }, text);
}

function drawTicks(ticks: HTMLElement, body: HTMLElement, { max, ticks: at }: Scale): void {
  const wanted = at.map((ms) => ({ text: ms === 0 ? "0" : tickText(ms), left: `${(ms / max) * 100}%` }));
  if (ticks.dataset["of"] === JSON.stringify(wanted)) return;
  ticks.dataset["of"] = JSON.stringify(wanted);
  ticks.replaceChildren(
    ...wanted.map(({ text, left }) => {
      const mark = h("span", {}, text);
      mark.style.left = left;
      return mark;
    }),
  );
  // The grid behind the bars, drawn once for all rows.
  body.style.setProperty("--tick", `${((at[1] ?? max) / max) * 100}%`);
}

function tickText(ms: number): string {
  return ms < 1000 ? `${ms} ms` : ms % 60_000 === 0 ? durationText(ms) : `${ms / 1000} s`;
}

/** One tab stop for the whole list; the arrows go along it. */
function moveFocus(body: HTMLElement, event: KeyboardEvent): void {
  const all = [...body.children].filter((row) => row instanceof HTMLElement);
  const at = all.indexOf(document.activeElement as HTMLElement);
  const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: all.length - 1 }[event.key];
  const next = to === undefined ? undefined : all[to];
  if (next === undefined) return;
  event.preventDefault();
  for (const row of all) row.tabIndex = row === next ? 0 : -1;
  next.focus();
}
