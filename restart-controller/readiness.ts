import { request } from "node:http";

/** True when the app answers 2xx on its readiness path; the only request inpod ever makes to the app, and only when asked to. */
export function askReady(port: number, path: string, timeoutMs = 1000): Promise<boolean> {
  return new Promise((resolve) => {
    const ask = request({
      host: "127.0.0.1",
      port,
      path,
      timeout: timeoutMs,
      headers: { "user-agent": "inpod-ready" },
    });
    ask.once("response", (answer) => {
      answer.resume();
      const status = answer.statusCode ?? 0;
      resolve(status >= 200 && status < 300);
    });
    ask.once("timeout", () => ask.destroy());
    ask.once("error", () => resolve(false));
    ask.once("close", () => resolve(false));
    ask.end();
  });
}
