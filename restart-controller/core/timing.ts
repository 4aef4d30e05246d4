/** How the policy measures out its patience; all in milliseconds. */

/** The probe period of the chart: the kubelet asks once a second. */
const probePeriod = 1000;
/** Probe-level terminationGracePeriodSeconds of the chart: what an app without a SIGTERM handler costs. */
const probeGrace = 2000;

/**
 * How long after a probe took the request the app may go on listening before we believe the request was lost.
 * Generous on purpose: arming again while a kill is under way would cost a second restart.
 */
export function rearmAfter(threshold: number): number {
  return threshold * probePeriod + probeGrace + 7000;
}

/** The old container is ended this long after the request at the soonest: all its probes but the first are a period apart. */
export function soonestKill(threshold: number): number {
  return (threshold - 1) * probePeriod;
}

/** A request is armed at most this many times: once, and again twice. */
export const maxArms = 3;

/** A worker without a port counts as served when it has lived this long. */
export const aliveMeansServed = 1000;

/** How long after the deadline a lost race for the liveness file may still turn into a restart. */
export const lateGrace = 10_000;

/** A restart nobody asked for is watched this long. */
export const unaskedTimeout = 60_000;
