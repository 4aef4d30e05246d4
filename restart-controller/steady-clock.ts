/** Smaller differences are rounding, not a jump; milliseconds. */
const jump = 50;

/**
 * Milliseconds since the epoch, never going back. The time that durations are measured in stands still while a machine
 * sleeps, and no step of its clock reaches it; the supervisor's times come from the wall clock. So this follows the wall
 * clock when that is ahead, and goes on by itself when it was put back.
 */
export function createSteadyClock(
  monotonic: () => number = () => performance.now(),
  wall: () => number = () => Date.now(),
): { now(): number } {
  let offset = wall() - monotonic();
  return {
    now() {
      const behind = wall() - monotonic() - offset;
      if (behind > jump) offset += behind;
      return monotonic() + offset;
    },
  };
}
