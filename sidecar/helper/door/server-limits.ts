import type { Server, ServerOptions } from "node:http";

/** For everybody who hasn't shown who they are yet. Node's strict parser does the rest: never `insecureHTTPParser`. */
export const serverOptions: ServerOptions = {
  maxHeaderSize: 32 * 1024,
  headersTimeout: 10_000,
  // An upload through the IDE may take as long as it takes; our own bodies have their own limit.
  requestTimeout: 0,
  connectionsCheckingInterval: 2000,
  keepAliveTimeout: 65_000,
  requireHostHeader: true,
  insecureHTTPParser: false,
  noDelay: true,
  // Other protocols (h2c) are offered, not demanded: such a request is served as it is.
  shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === "websocket",
};

export function limit(server: Server): void {
  server.maxConnections = 1000;
  server.maxRequestsPerSocket = 0;
}
