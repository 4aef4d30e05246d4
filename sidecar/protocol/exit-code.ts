/** Exit codes of every inpod program. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  timedOut: 3,
  refused: 4,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];
