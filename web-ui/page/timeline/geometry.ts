import type { How, Outcome, RestartRecord } from "@inpod/sidecar/protocol";

/**
 * What a stretch of a restart felt like: the old process still answers, nothing runs, the new process boots,
 * or it isn't known which. In `gone` and `boot` the port is closed.
 */
export type Kind = "old" | "gone" | "boot" | "unknown";

/** Milliseconds since asked. */
export interface Segment {
  readonly kind: Kind;
  readonly from: number;
  readonly to: number;
}

export type Mark = Outcome | "under way";

export interface Bar {
  readonly how: How;
  readonly mark: Mark;
  readonly segments: readonly Segment[];
  /** Where the last segment ends; not known for a restart that timed out. */
  readonly end: number | undefined;
  /** How long nobody could connect; undefined where it never closed, hasn't opened again, or isn't known. */
  readonly portClosed: number | undefined;
}

/** The shape of one restart. `elapsed`, milliseconds, is how far one under way has got. */
export function barOf(record: RestartRecord, elapsed = 0): Bar {
  const { how, served, outcome } = record;
  const mark: Mark = outcome ?? "under way";
  // An app that ended by itself was gone from the first moment.
  const stopped = record.stopped ?? (record.origin === "itself" ? 0 : undefined);
  const known = Math.max(stopped ?? 0, record.started ?? 0, served ?? 0);
  const end = outcome === undefined ? Math.max(known, elapsed) : outcome === "timeout" ? undefined : known;
  const portClosed = served === undefined || stopped === undefined ? undefined : Math.max(0, served - stopped);
  if (outcome === "refused") return { how, mark, segments: [], end: 0, portClosed: undefined };
  // One that timed out goes on beyond every scale, as what it was last seen to be.
  const last = end ?? Number.POSITIVE_INFINITY;
  return { how, mark, segments: segmentsOf(stopped, record.started, last, record), end, portClosed };
}

function segmentsOf(
  stopped: number | undefined,
  started: number | undefined,
  last: number,
  { served, outcome }: RestartRecord,
): Segment[] {
  if (stopped === undefined) {
    // Under way, the old one answers until it is seen to stop; looking back, nobody saw it stop.
    const kind = outcome === undefined && started === undefined ? "old" : "unknown";
    const cut = outcome === "served" ? last : (started ?? last);
    return filled([
      { kind, from: 0, to: cut },
      { kind: "boot", from: cut, to: last },
    ]);
  }
  // A new process may be spawned while the old one's port closes; the port is closed from `stopped` on either way.
  const boots = started === undefined ? (served ?? last) : Math.max(started, stopped);
  return filled([
    { kind: "old", from: 0, to: stopped },
    { kind: "gone", from: stopped, to: Math.min(boots, last) },
    { kind: "boot", from: boots, to: last },
  ]);
}

const filled = (segments: readonly Segment[]) => segments.filter(({ from, to }) => to > from);

/** How many times its kind's median a restart may take and still have the scale made for it. */
const outlier = 5;

/** The one scale of all rows: milliseconds from its left to its right edge, and where its ticks are. */
export interface Scale {
  readonly max: number;
  readonly ticks: readonly number[];
}

/**
 * A scale that shows what is usual: one restart that took a minute must not squeeze the others to nothing, so what is far
 * beyond its kind's median is cut at the edge (and drawn as cut). One under way always fits.
 */
export function scaleOf(bars: readonly Bar[]): Scale {
  const usual = (["process", "container"] as const).map((how) =>
    usualEnd(
      bars.flatMap((bar) => (bar.how === how && bar.mark === "served" && bar.end !== undefined ? [bar.end] : [])),
    ),
  );
  const running = bars.flatMap(({ mark, end }) => (mark === "under way" && end !== undefined ? [end] : []));
  const others = bars.flatMap(({ mark, end }) => (mark === "crashed" && end !== undefined ? [end] : []));
  const typical = Math.max(0, ...usual);
  const widest = Math.max(typical, ...running, ...(typical === 0 ? others : []));
  return niceScale(widest === 0 ? 1000 : widest);
}

function usualEnd(ends: readonly number[]): number {
  const sorted = [...ends].sort((a, b) => a - b);
  const median = sorted[Math.floor((sorted.length - 1) / 2)] ?? 0;
  return Math.max(0, ...sorted.filter((end) => end <= median * outlier));
}

/** Four to eight ticks at 1, 2 or 5 times a power of ten; the scale ends a little after `widest`. */
export function niceScale(widest: number): Scale {
  const rough = (widest / 7) * 0.9;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough) ?? rough;
  const ticks: number[] = [];
  for (let i = 0; i * step <= widest * 1.001; i++) ticks.push(i * step);
  return { max: Math.max(widest * 1.02, ticks.at(-1) ?? 0), ticks };
}

export interface Placed {
  readonly kind: Kind;
  /** Percent of the scale's width. */
  readonly left: number;
  readonly width: number;
}

/** Where a bar's segments lie on the scale; `cut` when it goes on beyond the edge. */
export function place(bar: Bar, scale: Scale): { segments: readonly Placed[]; cut: boolean } {
  const percent = (ms: number) => (Math.min(ms, scale.max) / scale.max) * 100;
  const segments = bar.segments
    .map(({ kind, from, to }) => ({ kind, left: percent(from), width: percent(to) - percent(from) }))
    .filter(({ width }) => width > 0);
  return { segments, cut: bar.end === undefined || bar.end > scale.max * 1.001 };
}
