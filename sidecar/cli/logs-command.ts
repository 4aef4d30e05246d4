import { setTimeout as sleep } from "node:timers/promises";
import { ExitCode } from "../protocol/index.ts";
import type { ApiClient } from "./api-client.ts";
import type { Io } from "./io.ts";

/** A call waits this long for the next line; lines that come close together are one answer. Milliseconds. */
const waitEach = 20_000;
const together = 50;

/** `inpod logs`: the tail of what the supervisor kept, with the app's name in front where there are several; `-f` goes on until Ctrl-C. */
export async function logsCommand(
  client: ApiClient,
  io: Io,
  app: string | undefined,
  flags: { follow?: true; lines: number; json?: true },
): Promise<ExitCode> {
  const which = app === undefined ? {} : { app };
  const several = app === undefined && !flags.json && (await client.status()).app.length > 1;
  let after: number | undefined;
  for (;;) {
    const lines = await client.logs({
      ...which,
      ...(after === undefined ? { limit: flags.lines } : { after, wait: waitEach }),
    });
    for (const line of lines) {
      const head = several ? `[${line.app}] ` : "";
      io.out(flags.json ? `${JSON.stringify(line)}\n` : `${head}${line.text}\n`);
      after = Math.max(after ?? 0, line.seq);
    }
    after ??= 0;
    if (!flags.follow || io.stop.aborted) return ExitCode.done;
    await sleep(together, undefined, { signal: io.stop });
  }
}
