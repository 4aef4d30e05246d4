import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode } from "../protocol/index.ts";
import type { ApiClient } from "./api-client.ts";
import type { Io } from "./io.ts";

const followEvery = 250;

/** `inpod logs`: the tail of what the supervisor kept; `-f` goes on until Ctrl-C. */
export async function logsCommand(
  client: ApiClient,
  io: Io,
  app: string | undefined,
  flags: { follow?: true; lines: number; json?: true },
): Promise<ExitCode> {
  const which = app === undefined ? {} : { app };
  let after: number | undefined;
  for (;;) {
    const lines = await client.logs({ ...which, ...(after === undefined ? { limit: flags.lines } : { after }) });
    for (const line of lines) io.out(flags.json ? `${JSON.stringify(line)}\n` : `${line.text}\n`);
    after = lines.at(-1)?.seq ?? after ?? 0;
    if (!flags.follow || io.stop.aborted) return ExitCode.done;
    await sleep(followEvery, undefined, { signal: io.stop });
  }
}
