import { request } from "node:http";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

/** Asks until it is true, every 50 ms; false when `timeoutMs` have passed or the signal fired. */
export async function waitUntil(ask: () => Promise<boolean>, timeoutMs: number, stop: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (Date.now() < deadline && !stop.aborted) {
    if (await ask()) return true;
    await sleep(50);
  }
  return false;
}

/** True when something answers HTTP with less than 500, on a port of 127.0.0.1 or a Unix socket. */
export function answers(at: { port: number } | { socketPath: string }, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = request({ host: "127.0.0.1", ...at, path, timeout: 2000, agent: false }, (answer) => {
      answer.resume();
      resolve((answer.statusCode ?? 500) < 500);
    });
    asked.on("timeout", () => asked.destroy());
    asked.on("error", () => resolve(false));
    asked.on("close", () => resolve(false));
    asked.end();
  });
}

export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const attempt = connect(port, "127.0.0.1");
    attempt.on("connect", () => {
      attempt.destroy();
      resolve(true);
    });
    attempt.on("error", () => resolve(false));
  });
}
