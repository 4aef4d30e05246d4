import type { ApiEvent } from "../../protocol/api.ts";

/** More than this without an end is no event of ours, characters. */
const longestEvent = 4 * 1024 * 1024;

export interface EventParser {
  /** The events that this piece of the stream ends; unknown names and broken data are passed over. */
  read(chunk: string): ApiEvent[];
}

/** Server-sent events, as far as the helper uses them: `event`, `data`, comments; line ends LF or CRLF. */
export function createEventParser(): EventParser {
  let unread = "";
  let name = "";
  let data: string[] = [];
  return {
    read(chunk) {
      const events: ApiEvent[] = [];
      const lines = (unread + chunk).split("\n");
      unread = lines.pop() ?? "";
      if (unread.length > longestEvent) unread = "";
      for (const raw of lines) {
        const line = raw.endsWith("\r") ? raw.slice(0, -1) : raw;
        if (line === "") {
          const event = parseEvent(name, data.join("\n"));
          if (event !== undefined) events.push(event);
          name = "";
          data = [];
        } else if (line.startsWith("event:")) name = valueOf(line);
        else if (line.startsWith("data:")) data.push(valueOf(line));
      }
      return events;
    },
  };
}

function valueOf(line: string): string {
  return line.slice(line.indexOf(":") + 1).replace(/^ /, "");
}

function parseEvent(name: string, data: string): ApiEvent | undefined {
  if (name !== "status" && name !== "restart" && name !== "log" && name !== "save") return undefined;
  try {
    const parsed: unknown = JSON.parse(data);
    const field = name === "log" ? "line" : name;
    const whole = typeof parsed === "object" && parsed !== null && typeof Reflect.get(parsed, field) === "object";
    return whole && Reflect.get(parsed, field) !== null ? ({ type: name, ...parsed } as ApiEvent) : undefined;
  } catch {
    return undefined;
  }
}
