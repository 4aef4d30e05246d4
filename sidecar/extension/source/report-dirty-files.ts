import { request } from "node:http";

/** Tells the helper how many files are changed but not committed; rejects when it doesn't take it. */
export function reportDirtyFiles(socketPath: string, dirtyFiles: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ dirtyFiles });
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
    ask.once("timeout", () => ask.destroy(new Error("the helper didn't take the count in 10 s")));
    ask.once("error", reject);
    ask.once("response", (answer) => {
      answer.resume();
      if (answer.statusCode === 200) resolve();
      else reject(new Error(`the helper answered ${answer.statusCode}`));
    });
    ask.end(body);
  });
}
