import { h, setAttribute, setText } from "../dom.ts";
import { clockText, durationText } from "../duration.ts";
import type { SeenRestart } from "../state/model.ts";
import { originText, outcomeText, outcomeTone, restartSentence, stepWord } from "../words.ts";
import { type Bar, barOf, place, type Scale } from "./geometry.ts";

export interface RowView {
  readonly element: HTMLElement;
  update(seen: SeenRestart, scale: Scale, elapsed: number, showApp: boolean): void;
}

/** One restart: when, how, its bar on the common scale, its two figures; what it said, where it failed. */
export function createRowView(): RowView {
  const when = cell("when");
  const how = cell("how");
  const bar = h("div", { class: "bar-of-row", "aria-hidden": "true" });
  const barCell = cell("scale");
  const served = cell("served");
  const closed = cell("closed");
  const message = h("p", { class: "message" });
  const lines = h("pre", { class: "last-lines", "aria-label": "Last lines of the app" });
  const more = h("div", { class: "more", role: "cell" }, message, lines);
  barCell.append(bar);
  const element = h("div", { class: "row", role: "row" }, when, how, barCell, served, closed, more);
  element.tabIndex = -1;

  return {
    element,
    update({ record }, scale, elapsed, showApp) {
      const shape = barOf(record, elapsed);
      setAttribute(element, "data-tone", outcomeTone(record));
      setAttribute(element, "data-outcome", record.outcome ?? "current");
      setAttribute(element, "aria-label", restartSentence(record));
      setText(when, clockText(record.askedAt, new Date()));
      const by = record.origin === "request" ? "" : `, ${originText[record.origin]}`;
      setText(how, `${showApp ? `${record.app} ` : ""}${record.how}${by}`);
      drawBar(bar, shape, scale);
      setText(
        served,
        figureText(
          shape,
          record.served,
          elapsed,
          record.outcome === undefined ? stepWord(record) : outcomeText(record),
        ),
      );
      setText(closed, shape.portClosed === undefined ? "" : durationText(shape.portClosed));
      setText(message, record.outcome === "served" ? "" : (record.message ?? ""));
      setText(lines, (record.log ?? []).join("\n"));
      more.hidden = message.textContent === "" && lines.textContent === "";
      lines.hidden = lines.textContent === "";
    },
  };
}

function cell(name: string): HTMLElement {
  return h("div", { class: name, role: "cell" });
}

function figureText(shape: Bar, served: number | undefined, elapsed: number, word: string): string {
  if (shape.mark === "under way") return `${word} ${durationText(elapsed)}`;
  return shape.mark === "served" && served !== undefined ? durationText(served) : word;
}

/** Percentages go in through CSSOM: the page's policy forbids style attributes. */
function drawBar(bar: HTMLElement, shape: Bar, scale: Scale): void {
  const { segments, cut } = place(shape, scale);
  while (bar.childElementCount > segments.length) bar.lastElementChild?.remove();
  while (bar.childElementCount < segments.length) bar.append(h("i"));
  segments.forEach(({ kind, left, width }, index) => {
    const piece = bar.children[index];
    if (!(piece instanceof HTMLElement)) return;
    setAttribute(piece, "class", kind);
    piece.style.left = `${left}%`;
    piece.style.width = `${width}%`;
  });
  setAttribute(bar, "data-cut", cut ? "true" : undefined);
  bar.style.setProperty("--end", `${segments.reduce((end, { left, width }) => Math.max(end, left + width), 0)}%`);
  setAttribute(bar, "data-mark", shape.mark);
}
