import type { RestartRecord } from "../protocol/index.ts";
import { durationText } from "./duration.ts";

const origins = { request: "", save: " (on save)", hand: " (by hand)", itself: " (by itself)" } as const;

/** One restart in one line, for people. */
export function restartText(record: RestartRecord): string {
  const head = `${record.app}: ${record.how} restart${origins[record.origin]}`;
  const { outcome, stopped, served } = record;
  if (outcome === undefined)
    return `${head} ${record.build !== undefined && record.build.ok === undefined ? "waits for its build" : "under way"}`;
  if (outcome !== "served" || served === undefined) {
    return `${head} ${outcome === "timeout" ? "timed out" : outcome}: ${record.message ?? "no reason known"}`;
  }
  return `${head} served in ${durationText(served)}${splitText(record)}${
    stopped === undefined ? "" : `; port closed for ${durationText(served - stopped)}`
  }${record.waitsUntil === undefined ? "" : ", most of it in the kubelet's back-off"}`;
}

/** ` (asked → stopped 1.20 s → started 1.21 s → served 1.29 s)` with the parts that are known. */
function splitText({ build, stopped, started, served, ready }: RestartRecord): string {
  const parts = Object.entries({ built: build?.took, stopped, started, served, ready }).flatMap(([name, ms]) =>
    ms === undefined ? [] : [`${name} ${durationText(ms)}`],
  );
  return parts.length < 2 ? "" : ` (asked → ${parts.join(" → ")})`;
}
