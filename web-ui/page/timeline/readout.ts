import { h } from "../dom.ts";
import { exactText } from "../duration.ts";
import type { SeenRestart } from "../state/model.ts";
import { outcomeText, restartSentence } from "../words.ts";
import { barOf, type Kind } from "./geometry.ts";

const names: readonly (readonly [Kind, string])[] = [
  ["old", "old process answers"],
  ["gone", "port closed"],
  ["boot", "port closed, new process boots"],
];

/** The legend; for a restart that is pointed at, its exact figures in the legend's place. */
export function readout(seen: SeenRestart | undefined): readonly Node[] {
  if (seen === undefined) return names.map(([kind, name]) => item(kind, name));
  const { record } = seen;
  const { segments, portClosed } = barOf(record);
  if (record.outcome === undefined || segments.length === 0) return [h("span", {}, restartSentence(record))];
  const parts = segments.map(({ kind, from, to }) =>
    item(kind, `${nameOf(kind)} ${Number.isFinite(to) ? exactText(to - from) : "to the end"}`),
  );
  const total = record.served === undefined ? outcomeText(record) : `served after ${exactText(record.served)}`;
  const closed = portClosed === undefined ? "" : `, port closed for ${exactText(portClosed)}`;
  const ready = record.ready === undefined ? "" : `, ready after ${exactText(record.ready)}`;
  const at = record.askedAt.replace("T", " ").replace("Z", " UTC");
  return [...parts, h("span", { class: "exact" }, `${total}${closed}${ready}`), h("span", { class: "at" }, at)];
}

const nameOf = (kind: Kind) => ({ old: "old answers", gone: "closed", boot: "new boots", unknown: "not known" })[kind];

function item(kind: Kind, text: string): HTMLElement {
  return h("span", { class: "key" }, h("i", { class: kind, "aria-hidden": "true" }), text);
}
