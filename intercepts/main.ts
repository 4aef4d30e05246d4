import { FrontConfigError, parseFrontConfig } from "./front/config.ts";
import { startFront } from "./front/front.ts";

process.exitCode = await main(process.argv.slice(2));
process.exit();

/** Exit codes: 0 ended as asked, 1 failed, 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  if (args.length !== 1 || args[0] !== "front") {
    process.stderr.write(`usage: router front\n"${args.join(" ")}" is no command; the settings are INPOD_FRONT_*\n`);
    return 2;
  }
  const told = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
  try {
    const config = parseFrontConfig(process.env);
    const front = await startFront(config);
    process.stdout.write(`the front listens on port ${front.port} and sends to port ${config.targets.join(" or ")}\n`);
    await told;
    await front.close();
    return 0;
  } catch (error) {
    if (error instanceof FrontConfigError) {
      process.stderr.write(`the front can't start; settings are wrong:\n${error.message}\n`);
      return 2;
    }
    process.stderr.write(`the front can't start: ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  }
}
