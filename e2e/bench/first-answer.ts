import { Agent, request } from "node:http";

/**
 * Asks again and again, without a pause, until `wanted` likes an answer's body; when that answer was whole, on the clock of
 * performance.now(). Rejects after a minute.
 */
export async function firstAnswer(url: string, wanted: (body: string) => boolean): Promise<number> {
  const giveUp = performance.now() + 60_000;
  while (performance.now() < giveUp) {
    const body = await ask(url);
    if (body !== undefined && wanted(body)) return performance.now();
  }
  throw new Error(`${url} did not give the wanted answer in a minute`);
}

/** The body of a 200, or undefined: nobody listens, or the process went away while it answered. */
function ask(url: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    // A connection of its own: a kept one would wait for the process that is going.
    const asked = request(url, { agent: new Agent({ keepAlive: false }), timeout: 1000 }, (answer) => {
      let body = "";
      answer.setEncoding("utf8").on("data", (text: string) => (body += text));
      answer.once("end", () => resolve(answer.statusCode === 200 ? body : undefined));
      answer.once("error", () => resolve(undefined));
    });
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => resolve(undefined));
    asked.end();
  });
}
