import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ExitCode } from "../protocol/index.ts";
import { ConfigError, parseConfig } from "./config.ts";
import type { Config } from "./config.ts";

/** Put in by the bundler. */
declare const INPOD_VERSION: string | undefined;
const version = typeof INPOD_VERSION === "undefined" ? "0.0.0-source" : INPOD_VERSION;

process.exitCode = await main(process.argv.slice(2));
process.exit();

async function main([command, ...rest]: readonly string[]): Promise<number> {
  if (command === "create-login-secret" && rest.length === 0) {
    const { createLoginSecret } = await import("./create-login-secret.ts");
    return createLoginSecret(process.env, { say: (line) => process.stderr.write(`${line}\n`) });
  }
  if (command !== undefined) {
    process.stderr.write(
      `"${[command, ...rest].join(" ")}" is no command of the helper; there are: none (the front door), create-login-secret\n`,
    );
    return ExitCode.usage;
  }
  try {
    return await serve(parseConfig(process.env));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`the helper can't start; settings are wrong:\n${error.message}\n`);
    return ExitCode.usage;
  }
}

async function serve(config: Config): Promise<number> {
  const beside = join(dirname(fileURLToPath(import.meta.url)), "web-ui");
  const assets = config.assets ?? beside;
  if (!existsSync(join(assets, "index.html"))) {
    throw new ConfigError([`INPOD_ASSETS is "${assets}": there is no index.html in it; build the page first.`]);
  }
  const [{ createLog }, { startHelper }] = await Promise.all([import("./log.ts"), import("./helper.ts")]);
  const log = createLog(config.logLevel);
  for (const name of config.unknown) log.warn(`${name} is set, and no setting of the helper`);
  process.on("unhandledRejection", (error) => log.error(error));
  // Before anything is open, so that an early SIGTERM isn't lost.
  const told = new Promise<void>((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, () => resolve());
  });
  try {
    const helper = await startHelper({ config, version, assets, log });
    log.started(version, helper.port);
    await told;
    await helper.close();
    return ExitCode.done;
  } catch (error) {
    process.stderr.write(`${startSentence(error, config)}\n`);
    return ExitCode.failed;
  }
}

function startSentence(error: unknown, config: Config): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "EADDRINUSE")
    return `port ${config.port} is taken: stop what listens there, or give another one by INPOD_PORT`;
  if (["EACCES", "EROFS", "ENOSPC", "ENOTDIR"].includes(String(code)))
    return `the helper can't write or listen where it should (${config.home}, ${config.stateDir}): ${String(error)}`;
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
