import type { LogLine } from "@inpod/sidecar/protocol";
import { button, h, setAttribute, setText, setTextWithCode } from "../dom.ts";
import { parseSgr, plainText, type Color, type Span, type Style } from "./sgr.ts";

export interface LogView {
  readonly element: HTMLElement;
  /** `apps` are all apps; `emptyText` says where the log is when there is none here. */
  update(lines: readonly LogLine[], apps: readonly string[], emptyText: string): void;
  readonly togglePause: () => void;
  readonly focusSearch: () => void;
}

const marker = /^── restart \d+ ──$/;
/** A longer line is cut in the page; the log file has it whole. */
const longest = 8000;

/** The tail of an app's log: follows its end until somebody scrolls up. */
export function createLogView(): LogView {
  const list = h("div", { class: "lines", role: "log", "aria-live": "off", "aria-label": "The app's log" });
  list.tabIndex = 0;
  const empty = h("p", { class: "empty" });
  const select = h("select", { "aria-label": "App" });
  const search = h("input", { "aria-label": "Show lines with", "aria-keyshortcuts": "/" });
  search.type = "search";
  search.placeholder = "filter ( / )";
  search.spellcheck = false;
  const count = h("span", { class: "muted", role: "status" });
  const pause = button("Pause", "choice", () => view.togglePause());
  pause.setAttribute("aria-keyshortcuts", "f");
  const element = h("section", { class: "log", "aria-label": "Log" });
  element.append(
    h("header", {}, h("h2", {}, "Log"), select, search, count, h("span", { class: "fill" }), pause),
    empty,
    list,
  );

  let all: readonly LogLine[] = [];
  let shown: LogLine[] = [];
  let style: Style = {};
  let following = true;
  let missed = 0;

  const draw = (anew: boolean) => {
    const wanted = wantedLines(all, select.value, search.value);
    const last = shown.at(-1);
    const at = last === undefined ? -1 : wanted.lastIndexOf(last);
    const gone = shown.length - 1 - at;
    const dropped = wanted[0] === undefined ? -1 : shown.indexOf(wanted[0]);
    if (anew || at < 0 || dropped < 0 || dropped !== gone) {
      style = {};
      list.replaceChildren();
      shown = [];
    } else {
      for (let i = 0; i < dropped; i++) list.firstElementChild?.remove();
    }
    const fresh = wanted.slice(shown.length === 0 ? 0 : at + 1);
    const nodes = document.createDocumentFragment();
    for (const line of fresh) nodes.append(lineElement(line));
    list.append(nodes);
    shown = wanted;
    if (following) list.scrollTop = list.scrollHeight;
    else missed += fresh.length;
    drawToolbar();
  };

  const lineElement = ({ text }: LogLine): HTMLElement => {
    if (marker.test(text)) {
      style = {};
      return h("div", { class: "marker" }, text);
    }
    const parsed = parseSgr(text.length > longest ? `${text.slice(0, longest)} …` : text, style);
    style = parsed.style;
    return h("div", {}, ...parsed.spans.map(spanNode), ...(parsed.spans.length === 0 ? ["\u200b"] : []));
  };

  const drawToolbar = () => {
    setText(pause, following ? "Pause" : missed > 0 ? `Follow (${missed} new)` : "Follow");
    setAttribute(pause, "aria-pressed", String(!following));
    const needle = search.value !== "";
    setText(count, needle ? `${shown.length} ${shown.length === 1 ? "line" : "lines"}` : "");
  };

  const follow = (on: boolean) => {
    following = on;
    missed = 0;
    if (on) list.scrollTop = list.scrollHeight;
    drawToolbar();
  };

  let top = 0;
  list.addEventListener("scroll", () => {
    const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 8;
    // Only going up is a wish to stay: the panel itself changes its size too.
    if (atEnd || list.scrollTop < top) follow(atEnd);
    top = list.scrollTop;
  });
  new ResizeObserver(() => {
    if (following) list.scrollTop = list.scrollHeight;
  }).observe(list);
  search.addEventListener("input", () => draw(true));
  search.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    search.value = "";
    draw(true);
    list.focus();
  });
  select.addEventListener("change", () => draw(true));

  const view: LogView = {
    element,
    update(lines, apps, emptyText) {
      if (select.options.length !== apps.length || apps.some((app, i) => select.options[i]?.value !== app)) {
        const chosen = select.value;
        select.replaceChildren(...apps.map((app) => new Option(app, app, false, app === chosen)));
        select.hidden = apps.length < 2;
        all = lines;
        draw(true);
      } else if (lines !== all) {
        all = lines;
        draw(false);
      }
      const none = !all.some((line) => line.app === select.value);
      setTextWithCode(empty, emptyText);
      empty.hidden = !none;
      for (const part of [list, search, pause]) part.hidden = none;
    },
    togglePause: () => follow(!following),
    focusSearch: () => search.focus(),
  };
  return view;
}

function wantedLines(all: readonly LogLine[], app: string, search: string): LogLine[] {
  const needle = search.toLowerCase();
  return all.filter(
    (line) => line.app === app && (needle === "" || plainText(line.text).toLowerCase().includes(needle)),
  );
}

function spanNode({ text, style }: Span): Node {
  const { fg, bg, inverse } = style;
  const names = [
    ...(["bold", "dim", "italic", "underline", "strike", "inverse"] as const).filter((name) => style[name] === true),
    ...colorClass(inverse ? "bg" : "fg", fg),
    ...colorClass(inverse ? "fg" : "bg", bg),
  ];
  if (names.length === 0 && typeof fg !== "string" && typeof bg !== "string") return document.createTextNode(text);
  const span = h("span", names.length === 0 ? {} : { class: names.join(" ") }, text);
  if (typeof fg === "string") span.style[inverse ? "backgroundColor" : "color"] = fg;
  if (typeof bg === "string") span.style[inverse ? "color" : "backgroundColor"] = bg;
  return span;
}

function colorClass(which: "fg" | "bg", color: Color | undefined): readonly string[] {
  return typeof color === "number" ? [`${which}${color}`] : [];
}
