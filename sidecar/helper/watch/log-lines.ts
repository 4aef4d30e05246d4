import type { LogLine } from "../../protocol/index.ts";

const mostLines = 2000;
const mostChars = 1024 * 1024;
const longestLine = 4096;
/** What the supervisor writes between two processes. */
const marker = /^── restart \d+ ──$/;

/** The last lines of all apps, in the order they were read. */
export interface LogLines {
  add(app: string, text: string): LogLine;
  /** Lines after `after` (all, when it lies beyond the last: the helper has started anew), at most the last `limit`. */
  read(query: { app?: string; after?: number; limit: number }): readonly LogLine[];
  /** The last lines of the present process, or of the one that ended last. */
  last(app: string, count: number): readonly string[];
}

/** Bounded by lines and by characters; a longer line is cut and says so. `firstSeq` lets numbers grow across restarts. */
export function createLogLines(firstSeq: number): LogLines {
  const lines: LogLine[] = [];
  let chars = 0;
  let next = firstSeq;
  return {
    add(app, text) {
      const cut = text.length > longestLine ? `${text.slice(0, longestLine)} … (${text.length} characters)` : text;
      const line = { seq: next++, app, text: cut };
      lines.push(line);
      chars += cut.length;
      let drop = Math.max(0, lines.length - mostLines);
      for (let i = 0; i < drop; i++) chars -= lines[i]?.text.length ?? 0;
      while (chars > mostChars && drop < lines.length - 1) chars -= lines[drop++]?.text.length ?? 0;
      if (drop > 0) lines.splice(0, drop);
      return line;
    },
    read({ app, after, limit }) {
      const from = after === undefined || after >= next ? -1 : after;
      const found = lines.filter((line) => line.seq > from && (app === undefined || line.app === app));
      return found.slice(-limit);
    },
    last(app, count) {
      const own = lines.filter((line) => line.app === app).map(({ text }) => text);
      return own.slice(own.findLastIndex((text) => marker.test(text)) + 1).slice(-count);
    },
  };
}
