import { wrongUsage } from "./errors.ts";

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000 };

/** Reads `500ms`, `30s`, `2m`, or a bare number of seconds, as milliseconds. */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text);
  const value = Number(match?.[1]) * (units[match?.[2] ?? "s"] ?? 1);
  if (match === null || value <= 0 || value > 3_600_000) {
    throw wrongUsage(`"${text}" is not a duration inpod can wait`, "give up to 1 hour as 500ms, 30s or 2m");
  }
  return value;
}

/** `85 ms`, `1.23 s`, `2 min`: short, three digits at most. */
export function durationText(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 99_500) return `${(ms / 1000).toFixed(ms < 9_950 ? 2 : 1)} s`;
  return `${Math.round(ms / 60_000)} min`;
}
