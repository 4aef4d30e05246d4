import { ExitCode } from "../protocol/index.ts";
import { startSourceAgent } from "./agent.ts";
import { ConfigError, parseConfig } from "./config.ts";

process.exitCode = await main();
process.exit();

async function main(): Promise<number> {
  const told = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
  const say = (sentence: string) => process.stderr.write(`source agent: ${sentence}\n`);
  try {
    const agent = await startSourceAgent({ config: parseConfig(process.env), env: process.env, say });
    await told;
    await agent.close();
    return ExitCode.done;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say(`it can't start; settings are wrong:\n${error.message}`);
    return ExitCode.usage;
  }
}
