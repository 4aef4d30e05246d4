import type { Row } from "./row.ts";

/** What a suite is given: how much to measure, and where to say what came out. */
export interface Bench {
  readonly samples: number;
  report(row: Row): Promise<void>;
  progress(line: string): void;
}
