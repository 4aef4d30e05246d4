import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { createServer } from "node:http";

// A small service for the tests: GET / says which process answers, POST gives the body back, /slow takes 300 ms, /ws is a
// WebSocket that says hello. It doesn't handle SIGTERM: it is gone the moment that it is told.

const server = createServer((request, response) => {
  if (request.method === "POST") request.pipe(response);
  else if (request.url === "/slow") setTimeout(() => response.end(String(process.pid)), 300);
  else response.end(String(process.pid));
});
server.on("upgrade", (request, socket) => {
  const accept = createHash("sha1")
    .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest("base64");
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  );
  socket.write(Buffer.from([0x81, 5, ...Buffer.from("hello")]));
});
if (existsSync(process.env["BROKEN_FILE"] ?? "")) throw new Error("this version is broken");
server.listen(Number(process.env["PORT"]), "127.0.0.1");
