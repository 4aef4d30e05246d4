import type { Connection, ConnectionDeps } from "./connection.ts";
import type { Target } from "./gate.ts";
import { createTunnel } from "./tunnel.ts";
import type { Tunnel } from "./tunnel.ts";
import { familyCount, openUpstream } from "./upstream.ts";

const retryMs = 20;

/**
 * A protocol that nobody looks into. A new connection waits for the gate; an open one can't be moved, nor is it known when
 * it is between two messages: it ends with the process that it leads to.
 */
export function serveRaw({ client, gate, limits, clock, onEnd }: ConnectionDeps): Connection {
  let tunnel: Tunnel | null = null;
  let stopWaiting: (() => void) | null = null;
  let refusedAt: number | null = null;
  client.pause();

  const enter = () => {
    const target = gate.enter();
    if (target !== null) return open(target, 0);
    refusedAt = null;
    stopWaiting = gate.wait(0, (admitted) => {
      stopWaiting = null;
      if (admitted === "late") client.destroy();
      else open(admitted, 0);
    });
    if (stopWaiting === null) client.destroy();
  };

  const open = (target: Target, attempt: number) => {
    const { socket } = openUpstream(target, attempt, limits.connectMs);
    const failed = () => {
      if (client.destroyed) return gate.leave(target);
      if (attempt + 1 < familyCount) return open(target, attempt + 1);
      gate.leave(target);
      refusedAt ??= clock.now();
      if (clock.now() - refusedAt >= limits.refusedMs) return void client.destroy();
      const again = setTimeout(enter, retryMs);
      stopWaiting = () => clearTimeout(again);
    };
    socket.once("close", failed);
    socket.once("connect", () => {
      socket.removeListener("close", failed);
      gate.leave(target);
      if (client.destroyed) return void socket.destroy();
      tunnel = createTunnel({
        client,
        app: socket,
        webSocket: false,
        idleMs: limits.tunnelIdleMs,
        lingerMs: limits.lingerMs,
        clock,
        onEnd,
      });
    });
  };

  client.on("close", () => {
    if (tunnel !== null) return;
    stopWaiting?.();
    onEnd();
  });
  enter();

  return {
    sweep: (now) => tunnel?.sweep(now),
    letGo() {},
    close() {
      tunnel?.close();
      client.destroy();
    },
  };
}
