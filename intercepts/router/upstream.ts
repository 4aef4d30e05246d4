import { connect } from "node:net";
import type { Socket } from "node:net";
import type { Target } from "./gate.ts";

/** A connection to the app. It belongs to one client connection for its whole life, so nothing of one client can reach another's. */
export interface Upstream {
  readonly socket: Socket;
  readonly target: Target;
  connected: boolean;
  /** Since when no request is on it. */
  idleSince: number;
}

/** The pod's own loopback; an app may listen on one family only. */
const hosts = ["127.0.0.1", "::1"] as const;
const preferred = new WeakMap<Target, number>();

export const familyCount = hosts.length;

/** `attempt` counts from 0: each one tries the other address family. */
export function openUpstream(target: Target, attempt: number, timeoutMs: number): Upstream {
  const which = ((preferred.get(target) ?? 0) + attempt) % hosts.length;
  const socket = connect({ host: hosts[which] ?? "::1", port: target.port, allowHalfOpen: true, noDelay: true });
  const upstream: Upstream = { socket, target, connected: false, idleSince: 0 };
  const late = setTimeout(() => socket.destroy(), timeoutMs);
  socket.once("connect", () => {
    clearTimeout(late);
    upstream.connected = true;
    preferred.set(target, which);
  });
  // What went wrong is told by "close" and by how far the request had come.
  socket.on("error", () => {});
  socket.once("close", () => clearTimeout(late));
  return upstream;
}
