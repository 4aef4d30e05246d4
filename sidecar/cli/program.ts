import { Command, CommanderError, Help, InvalidArgumentError, Option } from "commander";
import { ExitCode, pathsIn } from "../protocol/index.ts";
import { createApiClient, type ApiClient } from "./api-client.ts";
import { completionScript, shells } from "./completion.ts";
import type { DoctorFlags } from "./doctor/doctor-command.ts";
import { parseDuration } from "./duration.ts";
import { CliError, renderError, wrongUsage } from "./errors.ts";
import type { Io } from "./io.ts";
import { logsCommand } from "./logs-command.ts";
import { restartCommand, type RestartFlags } from "./restart-command.ts";
import { holdCommand, type HoldFlags } from "./hold-command.ts";
import { restartLine } from "./restart-line.ts";
import { statusCommand } from "./status-command.ts";

/** Replaced by the bundler with package.json's version. */
declare const INPOD_VERSION: string | undefined;
const version = typeof INPOD_VERSION === "string" ? INPOD_VERSION : "0.0.0-source";

/**
 * Runs `inpod …` or, under the name `restart`, its restart command; gives the exit code.
 * @param name the name it was called by
 * @param connect gives the way to the helper: its Unix socket, but for the helper itself
 */
export async function run(
  name: string,
  args: readonly string[],
  io: Io,
  connect: () => ApiClient = () => createApiClient(pathsIn(io.env["INPOD_HOME"] ?? "/inpod").apiSocket, io.stop),
): Promise<ExitCode> {
  let code: ExitCode = ExitCode.done;
  const program = buildProgram(name, io, connect, (result) => {
    code = result;
  });
  const words = name === "restart" ? ["restart", ...args] : args;
  try {
    await program.parseAsync([...words], { from: "user" });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.done : ExitCode.usage;
    if (io.stop.aborted) return stopped(words, io);
    const told = renderError(error);
    if (args.includes("--json")) io.out(`${JSON.stringify(told.json)}\n`);
    io.say(`${name}: ${told.text}`);
    return told.exitCode;
  }
}

/** Ctrl-C: following a log has no other end; a restart goes on without us. */
function stopped([verb]: readonly string[], io: Io): ExitCode {
  if (verb === "logs") return ExitCode.done;
  if (verb === "restart")
    io.say("\nno longer waiting; a restart that was asked for goes on: `inpod restarts` tells how it ends\n");
  return ExitCode.failed;
}

function buildProgram(name: string, io: Io, client: () => ApiClient, done: (code: ExitCode) => void): Command {
  const usage = (command: Command) =>
    name === "restart" ? `restart ${command.usage()}` : new Help().commandUsage(command);
  const program = new Command("inpod")
    .description("A browser VS Code inside the pod of the service you work on.")
    .version(version, "-V, --version", "print the version")
    .configureOutput({
      writeOut: io.out,
      writeErr: io.say,
      getOutHasColors: () => io.colour,
      getErrHasColors: () => io.colour,
    })
    .configureHelp({ commandUsage: usage })
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(inpod --help lists the commands)");

  program
    .command("restart")
    .argument("[app]", "the app container; the only one, or the only one that runs the source, when left out")
    .argument("[name]", "the same, after the word app: restart app web")
    .usage("[options] [app]")
    .description("restart the app and wait until it is served")
    .addOption(
      new Option("--container", "let the kubelet restart the container: any image, clean file system").conflicts(
        "process",
      ),
    )
    .addOption(new Option("--process", "let the supervisor replace the process: milliseconds"))
    .option("--now", "SIGKILL at once, no grace (process restart)")
    .option("--ready", "also wait for the app's own readiness path")
    .option("--force", "restart although the app isn't listening")
    .addOption(
      new Option("--timeout <duration>", "give up after this long, up to 1 hour: 500ms, 30s, 2m")
        .argParser(durationOption)
        .default(30_000, "30s"),
    )
    .addOption(
      new Option("--to <n>", "first bring back the files that restart N ran (inpod restarts)").argParser(restartNumber),
    )
    .addOption(
      new Option("--hold", "pause restarts on save").conflicts([
        "release",
        "container",
        "process",
        "now",
        "ready",
        "force",
        "to",
      ]),
    )
    .addOption(
      new Option("--release", "resume them; what was saved meanwhile restarts the app").conflicts([
        "container",
        "process",
        "now",
        "ready",
        "force",
        "to",
      ]),
    )
    .option("--json", "one object on stdout; its times are milliseconds after askedAt")
    .showHelpAfterError(`(${name === "restart" ? "restart" : "inpod restart"} --help shows its options)`)
    .addHelpText(
      "after",
      `
Exit codes: 0 served, 1 the app did not come up or its build failed, 2 wrong usage, 3 timed out, 4 refused.

Examples:
  restart app                 the fastest way this workspace has
  restart app web             the app container web, where there are several
  restart app --container     a new container: environment and root file system anew
  restart app --ready         return when the readiness path answers
  restart app --to 12         what restart 12 ran, and the files before it kept
  restart app --hold          many saves, no restart; then: restart app --release
  restart app --json | jq .served`,
    )
    .action(async (app: string | undefined, container: string | undefined, flags: RestartFlags & HoldFlags) =>
      done(
        flags.hold === true || flags.release === true
          ? await holdCommand(client(), io, flags)
          : await restartCommand(client(), io, appNamed(app, container), flags),
      ),
    );

  program
    .command("status")
    .description("what runs in this workspace; exit 1 when an app is down")
    .option("--json", "one object on stdout")
    .action(async (flags: { json?: true }) => done(await statusCommand(client(), io, flags)));

  program
    .command("restarts")
    .description("the last restarts, oldest first")
    .option("--json", "one object on stdout")
    .action(async (flags: { json?: true }) => {
      const restarts = await client().restarts();
      if (flags.json) io.out(`${JSON.stringify({ restarts })}\n`);
      else if (restarts.length === 0) io.say('no restart yet: type "restart app"\n');
      else for (const record of restarts) io.out(`${restartLine(record)}\n`);
    });

  program
    .command("diff")
    .argument("<n>", "the restart's number, as inpod restarts shows it", restartNumber)
    .description("what changed in the source since restart N")
    .action(async (n: number) => {
      const diff = await client().diff(n, io.colour);
      if (diff === "") io.say(`nothing has changed since restart ${n}\n`);
      else io.out(diff);
    });

  program
    .command("doctor")
    .description(
      "check what restarts and the IDE depend on, with the fix for what is wrong; exit 1 when something fails",
    )
    .option("--url <address>", "also look through the real way in: the address that the browser opens")
    .option("--json", "one object on stdout")
    .action(async (flags: DoctorFlags) => {
      // Not the helper's: it has no use for it, and loads it never.
      const { doctorCommand } = await import("./doctor/doctor-command.ts");
      done(await doctorCommand(client(), io, version, flags));
    });

  program
    .command("logs")
    .argument("[app]", "the app container; all of them when left out")
    .description("what the app wrote (kept where the app runs under kit supervise)")
    .option("-f, --follow", "go on until Ctrl-C")
    .option("-n, --lines <count>", "how many lines to begin with", countOption, 100)
    .option("--json", "one object a line")
    .action(async (app: string | undefined, flags: { follow?: true; lines: number; json?: true }) =>
      done(await logsCommand(client(), io, app, flags)),
    );

  program
    .command("completion")
    .addArgument(program.createArgument("<shell>", "for which shell").choices(shells))
    .description("print the completion script: source <(inpod completion bash)")
    .action((shell: (typeof shells)[number]) => io.out(completionScript(shell, program)));

  program
    .command("version")
    .description("print the version")
    .action(() => io.out(`${version}\n`));

  return program;
}

/** `restart web` and `restart app web` are the same. */
function appNamed(app: string | undefined, name: string | undefined): string | undefined {
  if (name === undefined) return app;
  if (app === "app") return name;
  throw wrongUsage(`"${app} ${name}" names two apps`, "restart one at a time: restart NAME, or restart app NAME");
}

function durationOption(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new InvalidArgumentError(error instanceof CliError ? `${error.message}: ${error.fix}` : String(error));
  }
}

function restartNumber(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text))
    throw new InvalidArgumentError("give a restart's number, as inpod restarts shows it");
  return Number(text);
}

function countOption(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 2000) {
    throw new InvalidArgumentError("give a whole number from 1 to 2000");
  }
  return count;
}
