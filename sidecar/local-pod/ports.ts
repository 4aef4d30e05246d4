import { createServer } from "node:net";
import { errors } from "./errors.ts";

/** The errno code that keeps anybody from listening on 127.0.0.1 there, or undefined when nothing does. */
export function whyNotFree(port: number, host = "127.0.0.1"): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? "unknown"));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(undefined)));
  });
}

export async function requirePort(port: number, what: string, flag: string): Promise<void> {
  const why = await whyNotFree(port);
  if (why === undefined) return;
  throw why === "EACCES" ? errors.portForbidden(port, flag) : errors.portTaken(port, what, flag);
}

/** The first free port of the twenty from `first` on that isn't in `but`. */
export async function firstFreePort(
  first: number,
  what: string,
  flag: string,
  but: readonly number[] = [],
): Promise<number> {
  for (let port = first; port < first + 20; port++) {
    // Also free on all addresses: a program of the user's there would answer in the app's place.
    if (
      !but.includes(port) &&
      (await whyNotFree(port)) === undefined &&
      (await whyNotFree(port, "0.0.0.0")) === undefined
    )
      return port;
  }
  throw errors.portTaken(first, what, flag);
}
