/** A colour of a terminal: one of its sixteen, by number, or one that is spelt out. */
export type Color = number | string;

export interface Style {
  readonly fg?: Color;
  readonly bg?: Color;
  readonly bold?: true;
  readonly dim?: true;
  readonly italic?: true;
  readonly underline?: true;
  readonly inverse?: true;
  readonly strike?: true;
}

export interface Span {
  readonly text: string;
  readonly style: Style;
}

const plain: Style = {};

// Whole sequences: CSI, the strings (OSC, DCS, SOS, PM, APC) up to their end, then any other escape; each alternative is linear.
const sequence =
  // oxlint-disable-next-line no-control-regex
  /\u001b(?:\[([0-?]*)[ -/]*([@-~])?|[\]PX^_][^\u0007\u001b\u009c]*(?:\u0007|\u001b\\|\u009c)?|[ -/]*[0-~]?)/g;
// oxlint-disable-next-line no-control-regex
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g;

/**
 * One line of a terminal's output as spans of text with their style; every other control sequence is left out.
 * `style` is how the line before ended. A line that was overwritten (`\r`, as progress bars do) shows its last state.
 */
export function parseSgr(line: string, style: Style = plain): { spans: readonly Span[]; style: Style } {
  const spans: Span[] = [];
  const visible = afterLastReturn(line);
  let at = 0;
  let current = style;
  const push = (text: string) => {
    const clean = text.replace(controls, "");
    if (clean !== "") spans.push({ text: clean, style: current });
  };
  for (const match of visible.matchAll(sequence)) {
    push(visible.slice(at, match.index));
    at = match.index + match[0].length;
    if (match[2] === "m" && !/[<=>?]/.test(match[1] ?? "")) current = applySgr(current, match[1] ?? "");
  }
  push(visible.slice(at));
  return { spans, style: current };
}

/** The line without its colours, to search in. */
export function plainText(line: string): string {
  return afterLastReturn(line).replace(sequence, "").replace(controls, "");
}

function afterLastReturn(line: string): string {
  const end = line.endsWith("\r") ? line.length - 1 : line.length;
  return line.slice(line.lastIndexOf("\r", end - 1) + 1, end);
}

function applySgr(style: Style, parameters: string): Style {
  const codes = parameters.split(/[;:]/).map(Number);
  let next: Style = style;
  for (let i = 0; i < codes.length; i++) {
    const code = codes[i] ?? 0;
    if (code === 38 || code === 48) {
      const { color, used } = spelt(codes, i + 1);
      if (color !== undefined) next = colored(next, code === 38 ? "fg" : "bg", color);
      i += used;
    } else {
      next = applyCode(next, code);
    }
  }
  return next;
}

function colored(style: Style, which: "fg" | "bg", color: Color): Style {
  return { ...style, [which]: color };
}

function applyCode(style: Style, code: number): Style {
  if (code >= 30 && code <= 37) return { ...style, fg: code - 30 };
  if (code >= 90 && code <= 97) return { ...style, fg: code - 82 };
  if (code >= 40 && code <= 47) return { ...style, bg: code - 40 };
  if (code >= 100 && code <= 107) return { ...style, bg: code - 92 };
  switch (code) {
    case 0:
      return plain;
    case 1:
      return { ...style, bold: true };
    case 2:
      return { ...style, dim: true };
    case 3:
      return { ...style, italic: true };
    case 4:
      return { ...style, underline: true };
    case 7:
      return { ...style, inverse: true };
    case 9:
      return { ...style, strike: true };
    case 22:
      return without(style, "bold", "dim");
    case 23:
      return without(style, "italic");
    case 24:
      return without(style, "underline");
    case 27:
      return without(style, "inverse");
    case 29:
      return without(style, "strike");
    case 39:
      return without(style, "fg");
    case 49:
      return without(style, "bg");
    default:
      return style;
  }
}

function without(style: Style, ...names: readonly (keyof Style)[]): Style {
  const left: Partial<Record<keyof Style, unknown>> = { ...style };
  for (const name of names) delete left[name];
  return left as Style;
}

/** What follows 38 or 48: `5;N` (palette) or `2;R;G;B`; `used` is how many parameters that took. */
function spelt(codes: readonly number[], from: number): { color?: Color; used: number } {
  const byte = (index: number) => Math.min(255, Math.max(0, codes[index] ?? 0)) || 0;
  if (codes[from] === 5) return { color: paletteColor(byte(from + 1)), used: 2 };
  if (codes[from] === 2) return { color: `rgb(${byte(from + 1)}, ${byte(from + 2)}, ${byte(from + 3)})`, used: 4 };
  return { used: 1 };
}

/** xterm's palette of 256: sixteen of the theme, a cube of six levels a channel, a ramp of grey. */
function paletteColor(index: number): Color {
  if (index < 16) return index;
  if (index >= 232) {
    const grey = 8 + 10 * (index - 232);
    return `rgb(${grey}, ${grey}, ${grey})`;
  }
  const level = (step: number) => (step === 0 ? 0 : 55 + 40 * step);
  const cube = index - 16;
  return `rgb(${level(Math.floor(cube / 36))}, ${level(Math.floor(cube / 6) % 6)}, ${level(cube % 6)})`;
}
