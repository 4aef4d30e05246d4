import { Agent, request } from "node:http";
import type { Socket } from "node:net";
import type { RestartAccepted, RestartRecord, RestartRequest, SourceReport } from "../protocol/index.ts";

/** An idle connection is used again before the helper's 65 s are over, milliseconds. */
const freshEvery = 30_000;
const retryFirst = 100;
const retryLast = 5000;
/** How long a restart of the helper is waited for. */
const patience = 10_000;
const answerWithin = 70_000;
const largestAnswer = 4 * 1024 * 1024;

/** The helper said no; asking again changes nothing. */
export class HelperRefusal extends Error {}

export interface HelperLink {
  /** Safe to repeat: the request carries its id. */
  restart(ask: RestartRequest): Promise<RestartAccepted>;
  /** The restart as it is when it has ended, or after `waitMs`. */
  findRestart(id: string, waitMs: number): Promise<RestartRecord>;
  restarts(): Promise<readonly RestartRecord[]>;
  /** Tells the helper what has changed. */
  report(): void;
  close(): void;
}

/**
 * Speaks to the helper by its Unix socket over connections that are kept open: a save doesn't wait for a new one. The report goes out at
 * every new connection, so a helper that was restarted knows it too.
 */
export function createHelperLink(deps: {
  readonly socketPath: string;
  readonly reportNow: () => SourceReport;
}): HelperLink {
  const agent = new Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 2 });
  const known = new WeakSet<Socket>();
  let delay = retryFirst;
  let timer: NodeJS.Timeout | undefined;
  let reporting = false;
  let again = false;
  let closed = false;

  const once = (method: string, path: string, body?: object) =>
    new Promise<{ status: number; text: string }>((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const ask = request({
        agent,
        socketPath: deps.socketPath,
        method,
        path,
        timeout: answerWithin,
        headers: {
          host: "inpod",
          ...(text === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        },
      });
      ask.on("socket", (socket) => {
        if (known.has(socket)) return;
        known.add(socket);
        socket.once("close", () => tell(retryFirst));
      });
      ask.on("timeout", () => ask.destroy(new Error("the helper didn't answer in time")));
      ask.on("error", reject);
      ask.on("response", (answer) => {
        let got = "";
        answer.setEncoding("utf8");
        answer.on("data", (chunk: string) => {
          got += chunk;
          if (got.length > largestAnswer) ask.destroy(new Error("the helper's answer is too long"));
        });
        answer.on("error", reject);
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, text: got }));
      });
      ask.end(text);
    });

  const call = async <T>(method: string, path: string, body?: object): Promise<T> => {
    const giveUp = Date.now() + patience;
    for (;;) {
      try {
        const { status, text } = await once(method, path, body);
        if (status >= 500) throw new Error(`the helper answered ${status}`);
        const parsed = JSON.parse(text) as T & { title?: string; detail?: string };
        if (status >= 400)
          throw new HelperRefusal([parsed.title, parsed.detail].filter((part) => part !== undefined).join(": "));
        return parsed;
      } catch (error) {
        if (closed || error instanceof HelperRefusal || Date.now() >= giveUp) throw error;
        await new Promise((resolve) => setTimeout(resolve, retryFirst));
      }
    }
  };

  const tell = (after: number) => {
    if (closed) return;
    clearTimeout(timer);
    timer = setTimeout(() => void send(), after);
  };
  const send = async () => {
    if (reporting) {
      again = true;
      return;
    }
    reporting = true;
    try {
      const { status } = await once("POST", "/-/api/source", deps.reportNow());
      delay = status === 200 ? retryFirst : retryLast;
      tell(status === 200 ? freshEvery : delay);
    } catch {
      tell(delay);
      delay = Math.min(retryLast, delay * 2);
    }
    reporting = false;
    if (again) tell(0);
    again = false;
  };
  tell(0);

  return {
    restart: (ask) => call("POST", "/-/api/restart", ask),
    findRestart: (id, waitMs) => call("GET", `/-/api/restarts/${encodeURIComponent(id)}?wait=${waitMs}`),
    restarts: async () => (await call<{ restarts: readonly RestartRecord[] }>("GET", "/-/api/restarts")).restarts,
    report: () => tell(0),
    close() {
      closed = true;
      clearTimeout(timer);
      agent.destroy();
    },
  };
}
