import { Agent, request } from "node:http";

export interface LoadResult {
  readonly sent: number;
  readonly failed: number;
  /** Each kind of failure with how often it was seen. */
  readonly failures: Readonly<Record<string, number>>;
  /** Longest answer, milliseconds. */
  readonly slowest: number;
  /** 99 of 100 answers took no longer, milliseconds. */
  readonly p99: number;
}

export interface Load {
  /** Lets what is in flight end, then tells. */
  stop(): Promise<LoadResult>;
}

export interface LoadOptions {
  /** Connections are kept and used again; otherwise each request has one of its own, so that every one is routed anew. */
  readonly keepAlive?: boolean;
  /** POST this, and count an answer that isn't the same as a failure; GET otherwise. */
  readonly echo?: string;
}

/**
 * A steady open load: `perSecond` requests, whatever the answers take. Everything but a 2xx within 5 s is a failure.
 */
export function startLoad(url: string, perSecond: number, { keepAlive = false, echo }: LoadOptions = {}): Load {
  const agent = keepAlive ? new Agent({ keepAlive: true, maxSockets: 64 }) : false;
  const failures: Record<string, number> = {};
  const inFlight = new Set<Promise<void>>();
  let sent = 0;
  const times: number[] = [];

  const one = () =>
    new Promise<void>((resolve) => {
      const began = performance.now();
      const end = (failure?: string) => {
        times.push(performance.now() - began);
        if (failure !== undefined) failures[failure] = (failures[failure] ?? 0) + 1;
        resolve();
      };
      const ask = request(url, {
        agent,
        timeout: 5000,
        method: echo === undefined ? "GET" : "POST",
        headers: keepAlive ? {} : { connection: "close" },
      });
      ask.once("response", (answer) => {
        let text = "";
        answer.setEncoding("utf8").on("data", (more: string) => {
          if (echo !== undefined) text += more;
        });
        const status = answer.statusCode ?? 0;
        answer.once("end", () => {
          if (status < 200 || status > 299) end(`status ${status}`);
          else end(echo === undefined || text === echo ? undefined : "another body");
        });
        answer.once("error", (error) => end(error.message));
      });
      ask.once("timeout", () => ask.destroy(new Error("no answer in 5 s")));
      ask.once("error", (error) => end("code" in error ? String(error.code) : error.message));
      ask.end(echo);
    });

  const begin = performance.now();
  const timer = setInterval(() => {
    // Catches up after a late tick, so that a busy machine doesn't thin the load out.
    const due = Math.floor(((performance.now() - begin) / 1000) * perSecond);
    for (; sent < due; sent++) {
      const asked = one();
      inFlight.add(asked);
      void asked.finally(() => inFlight.delete(asked));
    }
  }, 5);

  return {
    async stop() {
      clearInterval(timer);
      await Promise.all(inFlight);
      if (agent !== false) agent.destroy();
      const failed = Object.values(failures).reduce((sum, count) => sum + count, 0);
      times.sort((a, b) => a - b);
      const p99 = times[Math.max(0, Math.ceil(times.length * 0.99) - 1)] ?? 0;
      return { sent, failed, failures, slowest: times.at(-1) ?? 0, p99 };
    },
  };
}
