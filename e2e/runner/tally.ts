/** How many ended how; a part that couldn't run is one skipped. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const nothing: Tally = { passed: 0, failed: 0, skipped: 0 };

export function add(a: Tally, b: Tally): Tally {
  return { passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped };
}

/** In CI nothing may be skipped quietly. */
export function strict(tally: Tally, ci: boolean): Tally {
  return ci ? { passed: tally.passed, failed: tally.failed + tally.skipped, skipped: 0 } : tally;
}

/** The last line of `npm test`. */
export function lastLine({ passed, failed, skipped }: Tally): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`;
}
