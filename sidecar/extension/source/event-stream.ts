import { request } from "node:http";
import type { ApiEvent } from "../../protocol/api.ts";
import { createEventParser } from "./event-parser.ts";
import { reconnectDelay } from "./reconnect-delay.ts";

/** The helper sends a heartbeat every 15 s: this long without a byte means a dead connection, milliseconds. */
const longestSilence = 45_000;

export interface EventStream {
  close(): void;
}

/**
 * Listens to the helper's events over its Unix socket, for ever: a stream that ends is opened again. Each piece of the stream
 * gives its events at once; `lost` comes once for each stream or try that failed, in words.
 */
export function openEventStream(deps: {
  readonly socketPath: string;
  /** Who listens, so that the helper can ask this window to save. */
  readonly window: string;
  readonly heard: (events: readonly ApiEvent[]) => void;
  readonly lost: (problem: string) => void;
}): EventStream {
  const closed = new AbortController();
  let failures = 0;
  let timer: NodeJS.Timeout | undefined;

  const connect = () => {
    let over = false;
    const end = (problem: string) => {
      if (over || closed.signal.aborted) return;
      over = true;
      ask.destroy();
      failures += 1;
      timer = setTimeout(connect, reconnectDelay(failures, Math.random()));
      deps.lost(problem);
    };
    const ask = request({
      socketPath: deps.socketPath,
      path: `/-/api/events?window=${deps.window}`,
      headers: { host: "inpod", accept: "text/event-stream" },
      // A stream lives long: it gets a connection of its own.
      agent: false,
      signal: closed.signal,
      timeout: longestSilence,
    });
    ask.on("timeout", () => end(`nothing heard for ${longestSilence / 1000} s`));
    ask.on("error", (error) => end(error.message));
    ask.on("response", (answer) => {
      if (answer.statusCode !== 200) {
        answer.resume();
        end(`the helper answered ${answer.statusCode}`);
        return;
      }
      const parser = createEventParser();
      answer.setEncoding("utf8");
      answer.on("data", (chunk: string) => {
        if (over || closed.signal.aborted) return;
        const events = parser.read(chunk);
        if (events.length === 0) return;
        failures = 0;
        deps.heard(events);
      });
      answer.on("error", (error) => end(error.message));
      answer.on("end", () => end("the helper ended the stream"));
    });
    ask.end();
  };

  connect();
  return {
    close() {
      clearTimeout(timer);
      closed.abort();
    },
  };
}
