/** One line of a benchmark's JSON. */
export interface Row {
  /** Dotted: `restart.container.static`. */
  readonly name: string;
  readonly unit: "ms" | "s" | "MB" | "% of a core" | "count" | "ratio";
  readonly n: number;
  readonly median: number;
  readonly p95: number;
  readonly max: number;
  /** The other tool, where it is another tool's figure. */
  readonly peer?: string;
}

/** Order statistics by the nearest-rank rule. */
export function rowOf(name: string, unit: Row["unit"], samples: readonly number[], peer?: string): Row {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = (share: number) => round(sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN);
  return {
    name,
    unit,
    n: sorted.length,
    median: rank(0.5),
    p95: rank(0.95),
    max: rank(1),
    ...(peer === undefined ? {} : { peer }),
  };
}

const round = (value: number) => Number(value.toPrecision(4));

export function tableOf(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    row.peer === undefined ? row.name : `${row.name} (${row.peer})`,
    row.unit,
    String(row.n),
    ...[row.median, row.p95, row.max].map(String),
  ]);
  const all = [["name", "unit", "n", "median", "p95", "max"], ...cells];
  const widths = all[0]?.map((_, i) => Math.max(...all.map((line) => line[i]?.length ?? 0))) ?? [];
  return all
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
