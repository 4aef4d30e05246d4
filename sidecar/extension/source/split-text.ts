import { durationText } from "../../cli/duration.ts";
import type { RestartRecord } from "../../protocol/api.ts";

/** `stopped 40 ms → started 41 ms → served 85 ms`, counted from the request; only what is known. */
export function splitText({ stopped, started, served, ready }: RestartRecord): string {
  return Object.entries({ stopped, started, served, ready })
    .flatMap(([name, ms]) => (ms === undefined ? [] : [`${name} ${durationText(ms)}`]))
    .join(" → ");
}
