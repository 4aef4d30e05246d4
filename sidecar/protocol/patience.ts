import type { RestartRecord } from "./api.ts";

/** What the kubelet may take beyond the end of its back-off before it starts the container, milliseconds. */
const requeue = 31_000;

/** Until when to wait for the end of a restart: a back-off, once it is known, isn't taken from the asker's patience. */
export function giveUpAt(askedAt: number, patience: number, { waitsUntil }: RestartRecord): number {
  return (waitsUntil === undefined ? askedAt : Math.max(askedAt, Date.parse(waitsUntil) + requeue)) + patience;
}
