import { request } from "node:http";
import type { EditorsReport } from "../../protocol/api.ts";

/** Tells the helper what there is of files and editors; rejects when it doesn't take it. */
export function tellHelper(
  socketPath: string,
  report: { readonly dirtyFiles: number } | { readonly editors: EditorsReport },
  signal: AbortSignal,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify(report);
    const ask = request({
      socketPath,
      method: "POST",
      path: "/-/api/ide",
      headers: { host: "inpod", "content-type": "application/json", "content-length": Buffer.byteLength(body) },
      // A connection kept from before the helper's restart would be a dead one.
      agent: false,
      signal,
      timeout: 10_000,
    });
    ask.once("timeout", () => ask.destroy(new Error("the helper didn't take it in 10 s")));
    ask.once("error", reject);
    ask.once("response", (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`the helper answered ${answer.statusCode}`));
    });
    ask.end(body);
  });
}
