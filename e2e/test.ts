import { cpus } from "node:os";
import { fileURLToPath } from "node:url";
import { findChromium, installChromium } from "./browser.ts";
import { checkRequirements, installRequirements, type Part } from "./cluster/requirements.ts";
import { runChecks } from "./runner/checks.ts";
import { runInNetwork } from "./runner/in-network.ts";
import { runNodeTests } from "./runner/node-tests.ts";
import { help, type Options, type PartName, parseOptions, UsageError } from "./runner/options.ts";
import { announce, makePlan, needsOf } from "./runner/plan.ts";
import { openCluster, prepareTools, type Preparation } from "./runner/preparation.ts";
import { createHeldBack } from "./runner/held-back.ts";
import { lanesOf } from "./runner/lanes.ts";
import { add, lastLine, nothing, strict, type Tally } from "./runner/tally.ts";
import { testFiles } from "./runner/test-files.ts";
import { prepareImages } from "./stage.ts";

// `npm test`: see runner/options.ts for what it takes.

const root = fileURLToPath(new URL("..", import.meta.url));
const say = (text: string) => process.stdout.write(`${text}\n`);
const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

process.exitCode = await main();
process.exit();

async function main(): Promise<number> {
  let options: Options | "help";
  try {
    options = parseOptions(process.argv.slice(2), process.env);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    process.stderr.write(`${error.message}\n\`npm test -- --help\` shows what there is.\n`);
    return 2;
  }
  if (options === "help") {
    process.stdout.write(help);
    return 0;
  }
  const tally = strict(await runParts(options), options.ci);
  say("");
  say(lastLine(tally));
  return tally.failed > 0 ? 1 : 0;
}

async function runParts(options: Options): Promise<Tally> {
  if (options.files.length > 0 && !(await anyMatches(options))) {
    process.stderr.write(`no test file's path contains ${options.files.map((text) => `"${text}"`).join(" or ")}\n`);
    return { ...nothing, failed: 1 };
  }
  const needs = [...new Set<Part>(options.only.flatMap((part) => needsOf(part, options)))];
  const reports = await checkRequirements(needs);
  const plan = makePlan(options, reports);
  for (const line of announce(plan, [])) say(line);

  let tally = nothing;
  for (const { part, why } of plan.cannot) {
    say(`\n── ${part}: skipped: ${why}`);
    tally = add(tally, { ...nothing, skipped: 1 });
  }
  try {
    await installRequirements(plan.needs, { progress: say });
  } catch (error) {
    say(`\n  FAILED  ${(error as Error).message}`);
    tally = add(tally, { ...nothing, failed: 1 });
  }
  const tools = plan.run.includes("cluster")
    ? options.context === undefined
      ? "all"
      : "helm"
    : plan.run.includes("chart")
      ? "helm"
      : "none";
  const preparation = prepareTools(tools, (line) => say(`  [${line}]`));
  // The cluster's specs mostly wait, for a kubelet or a browser: they run beside the other parts, and are heard after them.
  const beside = plan.run.length > 1 && plan.run.includes("cluster") ? createHeldBack(say) : undefined;
  const cluster = beside && runPart("cluster", options, preparation, (text) => beside.say(text));
  for (const part of plan.run) {
    if (stop.signal.aborted) break;
    if (part === "cluster" && cluster !== undefined) {
      beside?.release();
      tally = add(tally, await cluster);
    } else tally = add(tally, await runPart(part, options, preparation, say));
  }
  await cluster;
  if (stop.signal.aborted) {
    say("\nstopped before the end");
    tally = add(tally, { ...nothing, failed: 1 });
  }
  return tally;
}

async function anyMatches({ only, files }: Options): Promise<boolean> {
  const found = await Promise.all(only.map((part) => testFiles(root, part, files)));
  return found.some((matching) => matching.length > 0);
}

/** A part's failure to start is a failed test, never an end without a count. */
async function runPart(
  part: PartName,
  options: Options,
  preparation: Preparation,
  say: (text: string) => void,
): Promise<Tally> {
  const started = Date.now();
  say(`\n── ${part}`);
  let tally: Tally;
  try {
    tally = await partTests(part, options, preparation, say);
  } catch (error) {
    say(`\n  FAILED  ${part}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    tally = { ...nothing, failed: 1 };
  }
  say(`── ${part}: ${lastLine(tally)} in ${Math.round((Date.now() - started) / 1000)} s`);
  return tally;
}

async function partTests(
  part: PartName,
  options: Options,
  preparation: Preparation,
  say: (text: string) => void,
): Promise<Tally> {
  // Tests must not find themselves inside this run's own settings.
  const { NODE_TEST_CONTEXT: _, INPOD_PARENT: __, ...env } = process.env;
  if (part === "check") return options.files.length > 0 ? nothing : runChecks(root, env, say);
  const files = await testFiles(root, part, options.files);
  if (files.length === 0) {
    if (options.files.length > 0) return nothing;
    throw new Error(`there are no ${part} tests`);
  }
  const common = { root, files, say, stop: stop.signal };
  switch (part) {
    case "unit":
      return runNodeTests({ ...common, env, concurrency: Math.min(4, cpus().length), live: false });
    case "chart":
      await preparation.helm;
      return runNodeTests({ ...common, env, concurrency: Math.min(4, cpus().length), live: false });
    case "browser":
      return runNodeTests({ ...common, env: await withChromium(env), concurrency: 1, live: false });
    case "cluster": {
      await preparation.all;
      const progress = (line: string) => say(`  [${line}]`);
      // Inside the cluster's network nothing can be fetched: what the specs need is built before.
      await prepareImages(progress);
      const found = await withChromium(env);
      // Two clusters beside the other parts want more than two cores.
      const one = options.context !== undefined || (env["INPOD_CLUSTER"] ?? "") !== "" || cpus().length < 4;
      const lanes = await lanesOf(root, files, one ? "one" : "several");
      const tallies = lanes.map((lane) => onCluster(lane, options, found, say));
      return (await Promise.all(tallies)).reduce(add, nothing);
    }
  }
}

/** Specs on one cluster; that it doesn't come up is a failure of theirs and of no other's. */
async function onCluster(
  files: readonly string[],
  options: Options,
  env: NodeJS.ProcessEnv,
  say: (text: string) => void,
): Promise<Tally> {
  try {
    const { cluster, env: found } = await openCluster(options.context, env, (line) => say(`  [${line}]`));
    try {
      return await runInNetwork(cluster, files, found, say, stop.signal);
    } finally {
      await cluster.close();
    }
  } catch (error) {
    say(
      `\n  FAILED  ${files.join(", ")}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return { ...nothing, failed: 1 };
  }
}

async function withChromium(env: NodeJS.ProcessEnv): Promise<NodeJS.ProcessEnv> {
  const file = (await findChromium(env)) ?? (await installChromium(root, (line) => say(`  [${line}]`)));
  return { ...env, INPOD_CHROMIUM: file };
}
