import { stripVTControlCharacters } from "node:util";
import type { LogLine } from "../../protocol/api.ts";

export interface LogFeed {
  /** The stream is open (again): what was said before and meanwhile is fetched first, new lines wait for it. */
  connected(): void;
  live(lines: readonly LogLine[]): void;
}

/** Every line of the apps once and in order, whether from the stream or, after a gap, from the helper's memory. */
export function createLogFeed(deps: {
  /** Lines after the one with this number; the last ones without it. */
  readonly fetch: (after: number | undefined) => Promise<readonly LogLine[]>;
  readonly show: (text: string) => void;
  /** Whether lines need their app's name in front. */
  readonly several: () => boolean;
}): LogFeed {
  let last: number | undefined;
  let waiting: LogLine[] | undefined;
  let connection = 0;

  const add = (lines: readonly LogLine[]) => {
    let text = "";
    for (const line of lines) {
      if (last !== undefined && line.seq <= last) continue;
      last = line.seq;
      // The channel would show colours as their codes.
      text += `${deps.several() ? `[${line.app}] ` : ""}${stripVTControlCharacters(line.text)}\n`;
    }
    if (text !== "") deps.show(text);
  };

  return {
    connected() {
      const mine = ++connection;
      waiting ??= [];
      const fill = (earlier: readonly LogLine[]) => {
        if (mine !== connection) return;
        const later = waiting ?? [];
        waiting = undefined;
        add([...earlier, ...later]);
      };
      deps.fetch(last).then(fill, () => fill([]));
    },
    live(lines) {
      if (waiting === undefined) add(lines);
      else waiting.push(...lines);
    },
  };
}
