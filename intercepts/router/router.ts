import { createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { Connection } from "./connection.ts";
import type { Gate } from "./gate.ts";
import { serveHttp1 } from "./http1.ts";
import { serveHttp2 } from "./http2.ts";
import { defaultLimits } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { serveRaw } from "./raw.ts";

export interface RouterDeps {
  /** `http`: HTTP/1.1 and cleartext HTTP/2, told apart by their first bytes. `tcp`: bytes that nobody looks into. */
  readonly protocol: "http" | "tcp";
  /** Where the requests of a connection go. With rules there will be more than one; the front has one. */
  readonly gate: Gate;
  readonly limits?: Partial<Limits>;
  /** Milliseconds, never going back. */
  readonly clock?: { now(): number };
}

export interface Router {
  /** The port, for `listen(0)`. Without a host on all addresses of both families. */
  listen(port: number, host?: string): Promise<number>;
  connections(): number;
  /** Ends all connections; idempotent. */
  close(): Promise<void>;
}

/** What begins every HTTP/2 connection (RFC 9113, section 3.4). No HTTP/1 method is `PRI`. */
const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");
const sweepMs = 1000;

/** Forwards every connection that its port takes. */
export function createRouter({ protocol, gate, ...rest }: RouterDeps): Router {
  const limits: Limits = { ...defaultLimits, ...rest.limits };
  const clock = rest.clock ?? performance;
  const connections = new Set<Connection>();
  let closed = false;

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    client.on("error", () => {});
    accept(client);
  });
  server.maxConnections = limits.connections;

  const accept = (client: Socket) => {
    let serves: Connection | undefined;
    const add = (make: (onEnd: () => void) => Connection) => {
      let ended = false;
      const made = make(() => {
        ended = true;
        if (serves !== undefined) connections.delete(serves);
      });
      if (serves !== undefined) connections.delete(serves);
      serves = made;
      if (!ended) connections.add(made);
    };
    if (protocol === "tcp") {
      add((onEnd) => serveRaw({ client, gate, limits, clock, onEnd }));
      return;
    }
    add((onEnd) =>
      sniff({ client, limits, clock, onEnd }, (first) =>
        first === "http2"
          ? add((end) => serveHttp2({ client, gate, limits, clock, onEnd: end }))
          : add((end) => serveHttp1({ client, gate, limits, clock, onEnd: end }, first)),
      ),
    );
  };

  const sweeper = setInterval(() => {
    const now = clock.now();
    for (const one of connections) one.sweep(now);
  }, sweepMs);
  gate.onLetGo(() => {
    for (const one of connections) one.letGo();
  });

  return {
    listen: (port, host) =>
      new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port, backlog: 4096, ...(host === undefined ? {} : { host }) }, () => {
          server.removeListener("error", reject);
          resolve((server.address() as AddressInfo).port);
        });
      }),
    connections: () => connections.size,
    async close() {
      if (closed) return;
      closed = true;
      clearInterval(sweeper);
      const ended = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      for (const one of connections) one.close();
      await ended;
    },
  };
}

/** Waits for the first bytes. For HTTP/2 they go back into the socket, whose parser reads them there. */
function sniff(
  deps: {
    readonly client: Socket;
    readonly limits: Limits;
    readonly clock: { now(): number };
    readonly onEnd: () => void;
  },
  found: (first: Buffer | "http2") => void,
): Connection {
  const { client, limits, clock } = deps;
  let deadline = clock.now() + limits.idleMs;
  let first: Buffer | null = null;

  const look = () => {
    const chunk: Buffer | null = client.read();
    if (chunk === null) {
      client.once("readable", look);
      return;
    }
    if (first === null) deadline = clock.now() + limits.headMs;
    const all: Buffer = first === null ? chunk : Buffer.concat([first, chunk]);
    const common = Math.min(all.length, preface.length);
    const same = all.subarray(0, common).equals(preface.subarray(0, common));
    if (same && all.length < preface.length) {
      // P and PR may still become POST or PROPFIND.
      first = all;
      client.once("readable", look);
      return;
    }
    client.removeListener("end", over);
    client.removeListener("close", over);
    if (same) client.unshift(all);
    // By then the stream has noticed that nobody waits for "readable" any more, and "data" flows.
    process.nextTick(() => found(same ? "http2" : all));
  };
  const over = () => {
    client.removeListener("close", over);
    client.destroy();
    deps.onEnd();
  };
  client.once("readable", look);
  client.once("end", over);
  client.once("close", over);

  return {
    sweep(now) {
      if (now >= deadline) client.destroy();
    },
    letGo() {},
    close: () => void client.destroy(),
  };
}
