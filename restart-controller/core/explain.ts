import type { Attempt, Instant, SupervisorState } from "./phase.ts";
import { maxArms } from "./timing.ts";
import type { App, How } from "./types.ts";

/** The policy's sentences: what was seen, then what to look at or what else there is to choose. */

export function exitText({ lastExit }: SupervisorState): string {
  if (lastExit === undefined) return "ended";
  return lastExit.signal === null ? `exited with code ${lastExit.code}` : `was ended by ${lastExit.signal}`;
}

const seconds = (ms: number) => `${Math.round(ms / 1000)} s`;

export function notTaken(ms: number): string {
  return `no probe took the request in ${seconds(ms)}, so it was withdrawn: is a startupProbe still pending (it keeps liveness switched off), or the kubelet down?`;
}

export function notServed(app: App, how: How): string {
  const where = app.port === null ? "it did not stay up" : `nothing listens on port ${app.port} yet`;
  return how === "container"
    ? `the container stopped and ${where}: it may be in CrashLoopBackOff or slow to start (kubectl describe pod tells)`
    : `the process was started and ${where}`;
}

export function neverListened(app: App, ms: number): string {
  return `the app never listened on port ${app.port} in ${seconds(ms)}, so it was left alone; see its log, or use --force`;
}

export function wentOn(arms: number): string {
  return `a probe took the request (asked ${arms} of ${maxArms} times) but the container went on: does the app's livenessProbe point at inpod's responder, and is the kubelet up?`;
}

export function imageIgnored(image: string): string {
  return `the pod's image is ${image} now, but the container went on: is the kubelet up, and is the pod's controller putting the image back?`;
}

const clock = (at: Instant) => new Date(at).toISOString().slice(11, 19);

/** Every way to do without the wait, the best first. */
function choices(app: App, freeAt: Instant | null): string {
  return [
    ...(app.process ? ["--process (milliseconds)"] : []),
    ...(app.alias === true ? [] : ["rbac.restartWithoutBackoff: true in the chart's values"]),
    "on nodes of your own, the kubelet's crashLoopBackOff.maxContainerRestartPeriod",
    ...(freeAt === null ? [] : [`asking after ${clock(freeAt)} UTC`]),
  ].join("; ");
}

const restarts = (n: number) => `${n} ${n === 1 ? "restart" : "restarts"} in 10 min`;
const because = (why: string | undefined) => (why === undefined ? "" : `${why}: `);

/** What a container restart will cost. */
export function waitNote(
  app: App,
  { wait, freeAt, recent, why }: { wait: number; freeAt: Instant | null; recent: number; why?: string },
): string {
  if (wait === 0) return `${because(why)}it is restarted by the liveness file`;
  return `${because(why)}the kubelet would wait ${seconds(wait)}: ${restarts(recent)} (crash-loop back-off); without the wait: ${choices(app, freeAt)}`;
}

/** The app is down and the kubelet lets it wait. */
export function downNote(app: App, left: number, recent: number, why?: string): string {
  return `${because(why)}the app ended by itself and the kubelet starts it in ${seconds(left)}: ${restarts(recent)} (crash-loop back-off); without the wait: ${choices(app, null)}`;
}

export function aliasNote(wait: number): string {
  return `the kubelet would wait ${seconds(wait)} (crash-loop back-off): the image gets another tag with the same digest, so that it doesn't`;
}

export function noDigest(app: App): string {
  return `restartWithoutBackoff needs an image given by its digest (name:tag@sha256:…), and this one is ${app.image ?? "not known"}`;
}

/** For who joins a restart that is waiting. */
export function mergedWait({ waitsUntil }: Attempt, at: Instant): { note?: string } {
  if (waitsUntil === undefined || waitsUntil <= at) return {};
  return { note: `it is waiting in the kubelet's crash-loop back-off until ${clock(waitsUntil)} UTC at least` };
}
