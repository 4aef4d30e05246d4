import { chmod, mkdir, rename, stat, unlink } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname } from "node:path";
import * as v from "valibot";
import type { Gate } from "../router/gate.ts";

const ms = (max: number) => v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(max));

const inputs = {
  /** Closes the gate for `timeoutMs` at most and answers when nothing is in flight, or after `drainMs`. */
  "/hold": v.strictObject({ timeoutMs: ms(600_000), drainMs: v.optional(ms(60_000), 5000) }),
  /**
   * Opens the gate; with a port, requests go there from now on, and the answer comes when nothing is in flight at the old
   * one, or after `drainMs`.
   */
  "/release": v.strictObject({
    port: v.optional(v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65_535))),
    drainMs: v.optional(ms(60_000), 0),
  }),
};

const maxBody = 4096;

export interface Control {
  listen(): Promise<void>;
  close(): Promise<void>;
}

/**
 * The front's control API, on a Unix socket that only the helper mounts besides: POST /hold, POST /release, GET /status. All
 * of it is JSON.
 */
export function createControl(deps: {
  readonly path: string;
  /** The ports that it may be moved to. */
  readonly targets: readonly number[];
  readonly gate: Gate;
  /** Awaited before it is moved. */
  readonly onMoved: (port: number) => Promise<void>;
  readonly connections: () => number;
}): Control {
  const { path, gate } = deps;
  const server = createServer({ requestTimeout: 10_000, keepAliveTimeout: 600_000 }, (request, response) => {
    serve(request).then(
      ({ status, body }) => answer(response, status, body),
      (error: unknown) => answer(response, 500, problem("INPOD_FRONT_FAILED", String(error), "see the front's log")),
    );
  });
  server.maxConnections = 32;
  let inode = 0;

  const serve = async (request: IncomingMessage) => {
    const { method, url = "" } = request;
    if (url === "/status" && method === "GET") return { status: 200, body: status() };
    if (!(url === "/hold" || url === "/release") || method !== "POST") {
      return { status: 404, body: problem("INPOD_FRONT_UNKNOWN", `there is no ${method} ${url}`, known) };
    }
    const text = await readText(request);
    if (text === null) return { status: 413, body: problem("INPOD_FRONT_BODY", "the body is too large", known) };
    const parsed = url === "/hold" ? parse(inputs["/hold"], text) : parse(inputs["/release"], text);
    if (typeof parsed === "string") return { status: 400, body: problem("INPOD_FRONT_INPUT", parsed, known) };
    if ("timeoutMs" in parsed) {
      gate.hold(parsed.timeoutMs);
      const left = await gate.drained(gate.target, parsed.drainMs);
      return { status: 200, body: { left, waiting: gate.waiting.requests } };
    }
    const old = gate.target;
    if (parsed.port !== undefined) {
      if (!deps.targets.includes(parsed.port)) {
        const why = `port ${parsed.port} is none of the app's: ${deps.targets.join(", ")}`;
        return { status: 400, body: problem("INPOD_FRONT_INPUT", why, known) };
      }
      await deps.onMoved(parsed.port);
    }
    gate.release(parsed.port);
    const left = old === gate.target ? 0 : await gate.drained(old, parsed.drainMs);
    return { status: 200, body: { port: gate.target.port, left } };
  };

  const status = () => ({
    held: gate.held,
    port: gate.target.port,
    inFlight: gate.target.inFlight,
    waiting: gate.waiting,
    connections: deps.connections(),
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
        server.closeAllConnections();
      });
    },
  };
}

const known = "POST /hold {timeoutMs, drainMs?}, POST /release {port?, drainMs?}, GET /status";

const problem = (code: string, title: string, fix: string) => ({ code, title, fix });

function parse<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> | string {
  let raw: unknown;
  try {
    raw = JSON.parse(text);
  } catch {
    return `the body is no JSON: ${JSON.stringify(text.slice(0, 80))}`;
  }
  const result = v.safeParse(schema, raw);
  return result.success
    ? result.output
    : result.issues.map((issue) => `${v.getDotPath(issue) ?? "the body"}: ${issue.message}`).join("; ");
}

async function readText(request: IncomingMessage): Promise<string | null> {
  let text = "";
  for await (const chunk of request.setEncoding("utf8")) {
    text += String(chunk);
    if (text.length > maxBody) return null;
  }
  return text;
}

function answer(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
