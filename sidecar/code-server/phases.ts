/** Says one line: the phase by name and the seconds since the start. */
export type Progress = (line: string) => void;

export interface Phases {
  /** Names the phase that runs, and repeats it while it lasts: silence would look like a hang. */
  readonly phase: <T>(name: string, work: () => Promise<T>) => Promise<T>;
  readonly say: (text: string) => void;
}

export function createPhases(what: string, progress: Progress, everyMs = 15_000): Phases {
  const started = Date.now();
  const say = (text: string) => progress(`${what}: ${text} (${Math.round((Date.now() - started) / 1000)} s)`);
  return {
    phase: async (name, work) => {
      say(name);
      const timer = setInterval(() => say(`still ${name}`), everyMs);
      try {
        return await work();
      } finally {
        clearInterval(timer);
      }
    },
    say,
  };
}
