import { chmod, mkdir, rename, stat, unlink } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname } from "node:path";
import type { Caller } from "../api/call.ts";
import type { Serve } from "../app.ts";
import { answerError } from "../pages/answer.ts";
import { findRoute } from "../routes.ts";
import { limit, serverOptions } from "./server-limits.ts";
import { parseTarget } from "./target.ts";

export interface ApiSocket {
  listen(): Promise<void>;
  close(): Promise<void>;
}

/** Everybody who can open the socket: the IDE's user, that is, who has logged in. */
const caller: Caller = {
  session: { key: "socket", id: "socket" },
  own: { origin: "http://inpod", host: "inpod", scheme: "http", loopback: true },
  address: "socket",
};

/** The API for the IDE's own programs: no login, and only the routes that say `socket`. Mode 0660, for the shared group. */
export function createApiSocket(path: string, serve: Serve): ApiSocket {
  const server = createServer(serverOptions);
  limit(server);
  let inode = 0;

  server.on("request", (request, response) => {
    const target = parseTarget(request.url ?? "", "");
    const found = target.kind === "inpod" ? findRoute(request.method ?? "", target.path) : undefined;
    if (target.kind !== "inpod" || found === undefined) return answerError(request, response, "INPOD_ROUTE_UNKNOWN");
    if (found === "method") return answerError(request, response, "INPOD_METHOD_WRONG");
    if (!found.route.socket) return answerError(request, response, "INPOD_ROUTE_UNKNOWN");
    // No browser speaks to a Unix socket: whatever sends an Origin is being used by a page.
    if (request.headers.origin !== undefined) return answerError(request, response, "INPOD_ORIGIN_FOREIGN");
    serve(request, response, caller);
  });

  return {
    async listen() {
      await mkdir(dirname(path), { recursive: true });
      // Bound under another name and renamed: a predecessor's socket is replaced in one step, and nobody meets it before its mode.
      const fresh = `${path}.new`;
      await unlink(fresh).catch(() => {});
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        server.listen(fresh, () => {
          server.off("error", reject);
          resolve();
        });
      });
      await chmod(fresh, 0o660);
      inode = (await stat(fresh)).ino;
      await rename(fresh, path);
    },
    async close() {
      const present = await stat(path).catch(() => undefined);
      if (present?.ino === inode) await unlink(path).catch(() => {});
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeIdleConnections();
        setTimeout(() => server.closeAllConnections(), 500).unref();
      });
    },
  };
}
