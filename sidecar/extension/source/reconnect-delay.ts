const first = 250;
const longest = 10_000;

/**
 * Milliseconds before the next try after `failures` tries in a row without an answer. `chance` (0 to 1) spreads them, so that
 * many tabs don't come back in one moment.
 */
export function reconnectDelay(failures: number, chance: number): number {
  const whole = Math.min(longest, first * 2 ** Math.max(0, failures - 1));
  return Math.round(whole * (0.75 + 0.25 * chance));
}
