import type { Instant } from "./phase.ts";

// The kubelet's crash-loop back-off, as Kubernetes 1.35 has it. Files below are those of kubernetes v1.35.4 and client-go v0.35.4.

/** The kubelet's crash-loop settings, milliseconds. */
export interface BackoffSettings {
  readonly initial: number;
  readonly max: number;
}

/** initialCrashLoopBackOff and MaxContainerBackOff: pkg/kubelet/kubelet.go. */
export const kubeletDefaults: BackoffSettings = { initial: 10_000, max: 300_000 };

/** A node with `crashLoopBackOff.maxContainerRestartPeriod`: the first wait is never longer than the longest (newCrashLoopBackOff in pkg/kubelet/kubelet.go). */
export function settingsWith(maxContainerRestartPeriod: number = kubeletDefaults.max): BackoffSettings {
  return { initial: Math.min(kubeletDefaults.initial, maxContainerRestartPeriod), max: maxContainerRestartPeriod };
}

/**
 * An entry that wasn't touched for this long is forgotten, whatever the longest wait is: HasExpiredFunc in
 * pkg/kubelet/kubelet.go, applied when the entry is used and by the GC of every housekeeping (each 2 s, kubelet_pods.go).
 */
const forgetAfter = 600_000;

/** The pod worker comes back at the latest after this time with a wait still open: resyncInterval, the kubelet's syncFrequency. */
const resyncInterval = 60_000;
/** It comes back late by up to this share of the wait it saw: workerBackOffPeriodJitterFactor, completeWork in pkg/kubelet/pod_workers.go. */
const requeueJitter = 0.5;
/** Its queue is looked at this often: syncTicker in pkg/kubelet/kubelet.go. */
const syncTick = 1000;

/**
 * One end of the app's container. `kill`: the kubelet ended it in the sync that starts the next one, as a failed liveness
 * probe makes it. `itself`: it was gone before the kubelet looked. `alias`: killed because its image string was changed.
 */
export interface ContainerExit {
  readonly at: Instant;
  readonly by: "kill" | "itself" | "alias";
}

/** What the kubelet remembers under one key. */
interface Entry {
  readonly wait: number;
  /** When a start was last granted. */
  readonly touched: Instant;
}

interface Account {
  readonly entry: Entry | null;
  readonly previous: Instant | null;
  /** When the kubelet grants the start after the last exit. */
  readonly startsAt: Instant;
}

/**
 * Replays doBackOff (pkg/kubelet/kuberuntime/kuberuntime_manager.go) over a container's exits, oldest first.
 *
 * - It looks at the newest exited container of this name. In the sync that kills, that is still the one *before*: so the
 *   first kill finds none and leaves no entry, and a kill is granted at once when the exit before it lies a whole wait back.
 * - Refused, it is asked again when the kubelet has seen the new exit, and from then on the wait counts from that one.
 * - Each granted start opens the entry with the first wait, or doubles it (Next in client-go/util/flowcontrol/backoff.go).
 * - Where there is no exited container, nothing is touched. Once in hundreds of restarts that can't be foretold: the
 *   kubelet's container GC, each minute, takes a container that is created but not running yet for a dead one, and removes
 *   the one before it (evictableContainers in pkg/kubelet/kuberuntime/kuberuntime_gc.go): the next kill is free.
 * - The key holds the pod's UID, the container's name, its image string and its resources (GetBackoffKey in
 *   pkg/kubelet/kuberuntime/helpers.go): another image string is another entry.
 */
function replay(exits: readonly ContainerExit[], settings: BackoffSettings): Account {
  let entry: Entry | null = null;
  let previous: Instant | null = null;
  let startsAt = 0;
  for (const { at, by } of exits) {
    if (by === "alias" || expired(entry, at)) entry = null;
    const seen = by === "itself" ? at : previous;
    startsAt = at;
    if (seen !== null) {
      if (entry !== null && at - seen < entry.wait) startsAt = at + entry.wait;
      const again: Entry | null = expired(entry, startsAt) ? null : entry;
      const wait: number = again === null ? settings.initial : Math.min(again.wait * 2, settings.max);
      entry = { wait, touched: startsAt };
    }
    previous = at;
  }
  return { entry, previous, startsAt };
}

function expired(entry: Entry | null, now: Instant): boolean {
  return entry !== null && now - entry.touched > forgetAfter;
}

/** When the kubelet may start the container that ended last: at once, or after its back-off. `exits` has at least that one. */
export function startsAfter(exits: readonly ContainerExit[], settings: BackoffSettings = kubeletDefaults): Instant {
  return replay(exits, settings).startsAt;
}

export interface Forecast {
  /** Milliseconds that the kubelet would wait between this kill and the start; 0 when it would not. */
  readonly wait: number;
  /** From when on a kill is free again; null when it is. */
  readonly freeAt: Instant | null;
}

/** What a kill at `killAt` would cost. It is all or nothing: one second too early costs the whole wait. */
export function forecast(
  exits: readonly ContainerExit[],
  killAt: Instant,
  settings: BackoffSettings = kubeletDefaults,
): Forecast {
  const wait = startsAfter([...exits, { at: killAt, by: "kill" }], settings) - killAt;
  const { entry, previous } = replay(exits, settings);
  const freeAt = wait > 0 && entry !== null && previous !== null ? previous + entry.wait : null;
  return { wait, freeAt };
}

/**
 * How much longer than its wait the kubelet may take: the pod worker that found the wait open comes back after what was
 * left of it (a minute at most) and up to half as much again, at a tick of a second. Waits of 20, 40 and 80 s were seen
 * to take 25, 48 and 87 s. Whatever else makes the kubelet look at the pod shortens it.
 */
export function requeueSlack(wait: number): number {
  return wait <= 0 ? 0 : Math.min(wait, resyncInterval) * requeueJitter + syncTick;
}

/** How many of the exits are young enough for the kubelet to hold against the container. */
export function recentExits(exits: readonly ContainerExit[], now: Instant): number {
  return exits.filter(({ at }) => now - at <= forgetAfter).length;
}
