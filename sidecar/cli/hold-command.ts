import { ExitCode } from "../protocol/index.ts";
import type { ApiClient } from "./api-client.ts";
import type { Io } from "./io.ts";

export interface HoldFlags {
  readonly hold?: true;
  readonly release?: true;
  readonly json?: true;
}

/** `restart app --hold` and `--release`: pauses and resumes restarts on save. */
export async function holdCommand(client: Pick<ApiClient, "hold">, io: Io, flags: HoldFlags): Promise<ExitCode> {
  const report = await client.hold(flags.hold === true);
  if (flags.json) io.out(`${JSON.stringify(report)}\n`);
  else if (report.held) io.say("restarts on save are held; restart app --release resumes them\n");
  else io.say("a save restarts the app again\n");
  return ExitCode.done;
}
