import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import type { TestContext } from "node:test";
import { createGate } from "../router/gate.ts";
import type { Gate, WaitingBounds } from "../router/gate.ts";
import type { Limits } from "../router/limits.ts";
import { createRouter } from "../router/router.ts";
import type { Router } from "../router/router.ts";

export interface TestedRouter {
  readonly port: number;
  readonly gate: Gate;
  readonly router: Router;
}

/** A router before a port of the loopback; it ends with the test. */
export async function openRouter(
  t: TestContext,
  appPort: number,
  options: { limits?: Partial<Limits>; waiting?: Partial<WaitingBounds>; protocol?: "http" | "tcp" } = {},
): Promise<TestedRouter> {
  const gate = createGate(appPort, { requests: 1000, bytes: 1 << 24, ms: 10_000, ...options.waiting });
  const router = createRouter({ protocol: options.protocol ?? "http", gate, limits: { ...options.limits } });
  const port = await router.listen(0, "127.0.0.1");
  t.after(async () => {
    gate.close();
    await router.close();
  });
  return { port, gate, router };
}

export interface RawApp {
  readonly port: number;
  /** All bytes that reached it, connection by connection. */
  readonly received: string[];
  connections(): number;
  close(): Promise<void>;
}

/** An app that is told of every chunk, and answers as the test likes. By default each head gets an empty 200. */
export async function openRawApp(
  t: TestContext,
  answer: (socket: Socket, text: string, all: string) => void = answerEachHead,
  port = 0,
): Promise<RawApp> {
  const received: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const index = received.push("") - 1;
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    socket.on("end", () => socket.end());
    socket.setEncoding("latin1").on("data", (text: string) => {
      received[index] += text;
      answer(socket, text, received[index] ?? "");
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const close = async () => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  t.after(close);
  return { port: (server.address() as AddressInfo).port, received, connections: () => received.length, close };
}

export const empty200 = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

function answerEachHead(socket: Socket, text: string): void {
  const heads = text.split("\r\n\r\n").length - 1;
  socket.write(empty200.repeat(heads));
}

export interface RawClient {
  readonly socket: Socket;
  text(): string;
  /** Waits until the answer so far matches. */
  sees(pattern: RegExp): Promise<string>;
  /** Everything, when the other side has closed. */
  ended(): Promise<string>;
}

/** A client that can be as rude as the test likes. */
export function openRawClient(t: TestContext, port: number, bytes: string | Buffer = ""): RawClient {
  const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
  let text = "";
  let over = false;
  socket.on("error", () => {});
  socket.setEncoding("latin1").on("data", (more: string) => (text += more));
  socket.on("end", () => (over = true));
  socket.on("close", () => (over = true));
  if (bytes.length > 0) socket.write(bytes, "latin1");
  t.after(() => socket.destroy());
  const until = async (what: string, fits: () => boolean) => {
    const giveUp = Date.now() + 10_000;
    while (!fits()) {
      if (Date.now() > giveUp) throw new Error(`not in 10 s: ${what}; got ${JSON.stringify(text.slice(0, 500))}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return text;
  };
  return {
    socket,
    text: () => text,
    sees: (pattern) => until(String(pattern), () => pattern.test(text)),
    ended: () => until("the end", () => over),
  };
}

/** What a refused request comes to: its status, a closed connection, and an app that has not seen a byte. */
export async function refusal(t: TestContext, bytes: string | Buffer): Promise<{ answer: string; seen: string }> {
  const app = await openRawApp(t);
  const { port } = await openRouter(t, app.port);
  const answer = await openRawClient(t, port, bytes).ended();
  return { answer, seen: app.received.join("") };
}

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
