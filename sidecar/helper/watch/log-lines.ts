import type { LogLine } from "../../protocol/index.ts";

const mostLines = 2000;
const mostChars = 1024 * 1024;
const longestLine = 4096;
/** Numbers for lines that are read again: more than a tail reads back. */
const reserve = 1_000_000;
/** What the supervisor writes between two processes. */
const marker = /^── restart \d+ ──$/;

/** The last lines of all apps, in the order they were read. */
export interface LogLines {
  /** `old` is a line that an earlier helper has numbered; its new number is below all that are not. */
  add(app: string, text: string, old?: boolean): LogLine;
  /** The number of the next line that isn't old. */
  next(): number;
  /** Lines after `after` (all, when it lies far beyond the last: another clock's), at most the last `limit`. */
  read(query: { app?: string; after?: number; limit: number }): readonly LogLine[];
  /** Resolves at the next line, after `waitMs`, or when `gone` fires. */
  more(waitMs: number, gone: AbortSignal): Promise<void>;
  /** The last lines of the present process, or of the one that ended last. */
  last(app: string, count: number): readonly string[];
}

/** Bounded by lines and by characters; a longer line is cut and says so. `firstSeq` lets numbers grow across restarts. */
export function createLogLines(firstSeq: number): LogLines {
  const lines: LogLine[] = [];
  const waiting = new Set<() => void>();
  let chars = 0;
  let next = firstSeq;
  let nextOld = firstSeq - reserve;
  return {
    next: () => next,
    add(app, text, old = false) {
      const cut = text.length > longestLine ? `${text.slice(0, longestLine)} … (${text.length} characters)` : text;
      const line = { seq: old ? nextOld++ : next++, app, text: cut };
      lines.push(line);
      chars += cut.length;
      let drop = Math.max(0, lines.length - mostLines);
      for (let i = 0; i < drop; i++) chars -= lines[i]?.text.length ?? 0;
      while (chars > mostChars && drop < lines.length - 1) chars -= lines[drop++]?.text.length ?? 0;
      if (drop > 0) lines.splice(0, drop);
      for (const wake of waiting) wake();
      return line;
    },
    read({ app, after, limit }) {
      const from = after === undefined || after >= next + reserve ? Number.NEGATIVE_INFINITY : after;
      const found = lines.filter((line) => line.seq > from && (app === undefined || line.app === app));
      return found.slice(-limit);
    },
    more: (waitMs, gone) =>
      new Promise((resolve) => {
        const wake = () => {
          clearTimeout(timer);
          waiting.delete(wake);
          gone.removeEventListener("abort", wake);
          resolve();
        };
        const timer = setTimeout(wake, waitMs);
        waiting.add(wake);
        gone.addEventListener("abort", wake);
        if (gone.aborted) wake();
      }),
    last(app, count) {
      const own = lines.filter((line) => line.app === app).map(({ text }) => text);
      return own.slice(own.findLastIndex((text) => marker.test(text)) + 1).slice(-count);
    },
  };
}
