import type { Instant } from "./phase.ts";

/** The kubelet's crash-loop settings, milliseconds. */
export interface BackoffSettings {
  readonly initial: number;
  readonly max: number;
}

export const kubeletDefaults: BackoffSettings = { initial: 10_000, max: 300_000 };

/** An entry is forgotten when it hasn't been touched for this long (client-go's backoff: twice the longest wait). */
const forgetAfter = (settings: BackoffSettings) => 2 * settings.max;

/**
 * How long the kubelet would wait, from `now`, before it starts the container that a request kills next.
 * Replays the kubelet's rule over the container's exits (oldest first): the sync that kills looks at the *previous*
 * exit, so the first restart is free and the second only opens the account.
 * Source: doBackOff in pkg/kubelet/kuberuntime and client-go's util/flowcontrol/backoff.go.
 */
export function forecastWait(
  exits: readonly Instant[],
  now: Instant,
  settings: BackoffSettings = kubeletDefaults,
): number {
  let entry: { wait: number; touched: Instant } | null = null;
  for (let i = 1; i < exits.length; i++) {
    const started = exits[i] ?? 0;
    entry =
      entry === null || started - entry.touched > forgetAfter(settings)
        ? { wait: settings.initial, touched: started }
        : { wait: Math.min(entry.wait * 2, settings.max), touched: started };
  }
  const previous = exits.at(-1);
  if (entry === null || previous === undefined || now - entry.touched > forgetAfter(settings)) return 0;
  return Math.max(0, previous + entry.wait - now);
}
