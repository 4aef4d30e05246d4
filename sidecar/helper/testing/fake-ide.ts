import { createServer } from "node:http";
import type { IncomingMessage, RequestListener } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";

export interface FakeIde {
  /** Every request and upgrade that got through. */
  readonly seen: IncomingMessage[];
  close(): Promise<void>;
}

/** What code-server is to the helper: HTTP and WebSockets on a Unix socket. The WebSocket sends everything back. */
export async function fakeIde(socketPath: string, answer?: RequestListener): Promise<FakeIde> {
  const seen: IncomingMessage[] = [];
  const sockets = new Set<Duplex>();
  const server = createServer((request, response) => {
    if (request.url === "/healthz") return void response.end("{}");
    seen.push(request);
    if (answer !== undefined) return answer(request, response);
    response.end("from the IDE");
  });
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
  });
  const echo = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, socket, head) => {
    seen.push(request);
    echo.handleUpgrade(request, socket, head, (client) =>
      client.on("message", (data, binary) => client.send(data, { binary })),
    );
  });
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
  return {
    seen,
    close() {
      for (const socket of sockets) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
