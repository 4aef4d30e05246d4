import type { ServerResponse } from "node:http";
import type { ApiEvent, LogLine, RestartRecord } from "../../protocol/index.ts";
import type { StatusSource } from "../status.ts";
import type { OpenStreams } from "../open-streams.ts";

const heartbeatEvery = 15_000;
/** Changes of the status within this time are one event, milliseconds. */
const statusEvery = 100;
/** Who lets this much pile up unread is cut off and connects again, bytes. */
const mostUnread = 512 * 1024;

export interface Events {
  /**
   * Opens the stream on a response without headers; undefined when too many are open. The first event is the present status. The
   * returned function sends an event to this listener only.
   */
  open(response: ServerResponse, key: string): ((event: ApiEvent) => void) | undefined;
  statusChanged(): void;
  restart(record: RestartRecord): void;
  log(line: LogLine): void;
  close(): void;
}

/** Server-sent events to every page, extension and command that listens. */
export function createEvents(deps: { readonly status: StatusSource; readonly streams: OpenStreams }): Events {
  const listeners = new Set<ServerResponse>();
  let timer: NodeJS.Timeout | undefined;

  const send = (text: string, to: Iterable<ServerResponse> = listeners) => {
    for (const response of to) {
      if (response.writableLength > mostUnread) response.destroy();
      else response.write(text);
    }
  };
  const heartbeat = setInterval(() => send(": \n\n"), heartbeatEvery).unref();

  return {
    open(response, key) {
      const forget = deps.streams.add("events", key, () => response.end());
      if (forget === undefined) return undefined;
      response.writeHead(200, {
        "content-type": "text/event-stream; charset=utf-8",
        "cache-control": "no-store",
        // nginx would hold events back.
        "x-accel-buffering": "no",
      });
      listeners.add(response);
      response.on("close", () => {
        listeners.delete(response);
        forget();
      });
      send(`retry: 1000\n\n${eventText({ type: "status", status: deps.status.now() })}`, [response]);
      return (event) => send(eventText(event), [response]);
    },
    statusChanged() {
      if (listeners.size === 0) return;
      timer ??= setTimeout(() => {
        timer = undefined;
        send(eventText({ type: "status", status: deps.status.now() }));
      }, statusEvery).unref();
    },
    restart(record) {
      if (listeners.size > 0) send(eventText({ type: "restart", restart: record }));
    },
    log(line) {
      if (listeners.size > 0) send(eventText({ type: "log", line }));
    },
    close() {
      clearInterval(heartbeat);
      clearTimeout(timer);
      for (const response of listeners) response.end();
    },
  };
}

/** The SSE event name is `type`, the data is the rest. */
function eventText({ type, ...rest }: ApiEvent): string {
  return `event: ${type}\ndata: ${JSON.stringify(rest)}\n\n`;
}
