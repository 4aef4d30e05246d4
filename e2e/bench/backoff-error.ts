import { requeueSlack, startsAfter } from "@inpod/restart-controller/core";
import type { BackoffSettings, ContainerExit } from "@inpod/restart-controller/core";

/** One recorded sequence of a container's ends, seconds since the sequence began. */
export interface Recorded {
  readonly name: string;
  readonly steps: readonly { readonly by: ContainerExit["by"]; readonly at: number; readonly started: number }[];
}

export interface Compared {
  readonly predicted: number;
  readonly real: number;
  /** What the pod worker may take on top. */
  readonly slack: number;
  /** Seconds by which the real wait lies outside of what was predicted, 0 when it doesn't. */
  readonly outside: number;
}

/** What a start itself takes, and the recorder's own looking. */
const tolerance = 2;

/** Predicts each wait of a sequence from what was before it; seconds. */
export function compare({ steps }: Recorded, settings?: BackoffSettings): Compared[] {
  return steps.map(({ at, started }, i) => {
    const exits = steps.slice(0, i + 1).map((step): ContainerExit => ({ by: step.by, at: step.at * 1000 }));
    const predicted = startsAfter(exits, settings) / 1000 - at;
    const slack = requeueSlack(predicted * 1000) / 1000;
    const real = started - at;
    return {
      predicted,
      real,
      slack,
      outside: Math.max(0, predicted - tolerance - real, real - predicted - slack - tolerance),
    };
  });
}
