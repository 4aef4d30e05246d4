import type { Socket } from "node:net";
import { createWebSocketEnd } from "./websocket-end.ts";

/** Bytes as they are, both ways, each as fast as the other side takes them; half-closed as its ends are. */
export interface Tunnel {
  /** Ends it when nothing has moved for too long. */
  sweep(now: number): void;
  close(): void;
}

/**
 * Joins two sockets that nobody listens to any more; `onEnd` is called once, when both are closed.
 * @param webSocket ends the client's side with a close frame (1012, service restart) where the app has died without one
 */
export function createTunnel(deps: {
  readonly client: Socket;
  readonly app: Socket;
  readonly webSocket: boolean;
  readonly idleMs: number;
  readonly lingerMs: number;
  readonly clock: { now(): number };
  readonly onEnd: () => void;
}): Tunnel {
  const { client, app, clock } = deps;
  const frames = deps.webSocket ? createWebSocketEnd() : undefined;
  let movedAt = clock.now();
  let open = 2;
  let lingering: NodeJS.Timeout | undefined;

  const join = (from: Socket, to: Socket) => {
    from.on("data", (chunk: Buffer) => {
      movedAt = clock.now();
      if (to.writableEnded || to.destroyed) return;
      if (from === app) frames?.follow(chunk);
      if (!to.write(chunk)) from.pause();
    });
    to.on("drain", () => from.resume());
    from.on("end", () => finish(from, to));
    from.on("close", () => {
      // A reset has no "end" before it.
      finish(from, to);
      if (--open === 0) {
        clearTimeout(lingering);
        deps.onEnd();
        return;
      }
      // Listened to for a while: what it still sends would otherwise answer our last bytes with a reset.
      to.resume();
      lingering = setTimeout(() => to.destroy(), deps.lingerMs);
    });
    from.resume();
  };
  const finish = (from: Socket, to: Socket) => {
    if (to.writableEnded || to.destroyed) return;
    const last = from === app ? frames?.lastFrame() : undefined;
    if (last === undefined) to.end();
    else to.end(last);
  };
  join(client, app);
  join(app, client);

  const close = () => {
    client.destroy();
    app.destroy();
  };
  return {
    sweep(now) {
      if (now - movedAt > deps.idleMs) close();
    },
    close,
  };
}
