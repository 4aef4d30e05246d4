import { homedir } from "node:os";
import { fileURLToPath } from "node:url";
import { ExitCode } from "../protocol/index.ts";
import { help, parseConfig } from "./config.ts";
import { greeting } from "./greeting.ts";
import { startLocalPod } from "./local-pod.ts";
import { stopRequested } from "./stop.ts";

process.exitCode = await main();
// What code of ours has ended by now; a child's pipe must not hold us.
process.exit();

async function main(): Promise<number> {
  const stop = stopRequested(process);
  try {
    const config = parseConfig(process.argv.slice(2), process.env, homedir());
    if (config === "help") {
      process.stdout.write(help);
      return ExitCode.done;
    }
    const pod = await startLocalPod({
      config,
      env: process.env,
      node: process.execPath,
      example: fileURLToPath(new URL("../../examples/node", import.meta.url)),
      progress: (line) => process.stderr.write(`${line}\n`),
      stop,
    });
    process.stdout.write(greeting(pod));
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve();
      stop.addEventListener("abort", () => resolve());
    });
    process.stderr.write("stopping …\n");
    await pod.close();
    process.stderr.write("stopped: nothing is left running\n");
    return ExitCode.done;
  } catch (error) {
    if (stop.aborted) return ExitCode.done;
    return explain(error);
  }
}

/** Every error of ours carries its fix; another one is a fault of ours and shows its stack. */
function explain(error: unknown): number {
  const { code, title, fix, message } = error as { code?: string; title?: string; fix?: string; message?: string };
  if (fix === undefined) {
    console.error(error);
    return ExitCode.failed;
  }
  process.stderr.write(`${title === undefined ? message : `${title}\n${fix}`}\n`);
  return code === "INPOD_USAGE_WRONG" ? ExitCode.usage : ExitCode.failed;
}
