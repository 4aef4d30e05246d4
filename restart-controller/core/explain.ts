import type { SupervisorState } from "./phase.ts";
import { maxArms } from "./timing.ts";
import type { App, How } from "./types.ts";

/** The sentences that end a restart which did not come up: what was seen, then what to look at. */

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
