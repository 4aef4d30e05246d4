import { request } from "node:http";

/** What a restart asks of the front before the app's port. Neither call rejects: a restart goes on without it. */
export interface Front {
  /** Lets nothing more in, for `timeoutMs` at most; how many requests are still in flight at the end, or null: not asked. */
  hold(bounds: { readonly timeoutMs: number; readonly drainMs: number }): Promise<number | null>;
  /** Sends to another port of the app from now on; how many requests are still in flight at the old one at the end, or null. */
  move(to: { readonly port: number; readonly drainMs: number }): Promise<number | null>;
  /** Lets everything in again. */
  release(): Promise<void>;
}

/** How much longer than its own bound the front may take to answer. */
const patience = 2000;

/** Talks to the front by its Unix socket. `onError` is told when it could not be reached, with what that means. */
export function createFront(socketPath: string, onError: (error: Error) => void): Front {
  const post = (path: string, body: object, timeoutMs: number): Promise<Record<string, unknown>> =>
    new Promise((resolve, reject) => {
      const ask = request({ agent: false, socketPath, path, method: "POST", timeout: timeoutMs }, (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (more: string) => (text += more));
        answer.once("error", reject);
        answer.once("end", () => {
          const said = parse(text);
          if (answer.statusCode === 200 && said !== null) resolve(said);
          else reject(new Error(`${path} was answered ${answer.statusCode}: ${text.slice(0, 200)}`));
        });
      });
      ask.once("timeout", () => ask.destroy(new Error(`no answer to ${path} in ${timeoutMs} ms`)));
      ask.once("error", reject);
      ask.end(JSON.stringify(body));
    });

  const told = (what: string) => (cause: unknown) => {
    onError(new Error(`the front at ${socketPath} ${what}`, { cause }));
    return null;
  };

  return {
    hold: ({ timeoutMs, drainMs }) =>
      post("/hold", { timeoutMs: Math.round(timeoutMs), drainMs }, drainMs + patience).then(
        ({ left }) => (typeof left === "number" ? left : null),
        told("can't be held: requests may fail during this restart"),
      ),
    move: ({ port, drainMs }) =>
      post("/release", { port, drainMs }, drainMs + patience).then(
        ({ left }) => (typeof left === "number" ? left : null),
        told(`can't be moved to port ${port}`),
      ),
    async release() {
      await post("/release", {}, patience).catch(told("can't be released: it opens by itself"));
    },
  };
}

function parse(text: string): Record<string, unknown> | null {
  try {
    const raw: unknown = JSON.parse(text);
    return typeof raw === "object" && raw !== null ? { ...raw } : null;
  } catch {
    return null;
  }
}
