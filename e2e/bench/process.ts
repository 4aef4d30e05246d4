import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { containerProcesses } from "../container-processes.ts";
import type { Stage } from "../stage.ts";
import { exampleValues } from "../stage.ts";
import { installWorkspace, type Workspace } from "../workspace.ts";
import type { Bench } from "./bench.ts";
import { firstAnswer } from "./first-answer.ts";
import { rowOf } from "./row.ts";

/** Milliseconds that `kit supervise` gives an app to end; the chart leaves it at the default. */
const grace = 2000;

/** An app that neither ends by itself nor on SIGTERM. */
const stubborn = `
process.on("SIGTERM", () => {});
require("http").createServer((_, answer) => answer.end(JSON.stringify({ pid: process.pid }))).listen(8080);`;

/** Process restarts: what the supervisor costs, from the request to the first answer of the new process. */
export async function processSuite(stage: Stage, bench: Bench): Promise<void> {
  const install = (release: string, example: "node" | "go-scratch", app: object) =>
    installWorkspace(stage.cluster, {
      release,
      valuesFiles: [exampleValues(example)],
      values: stage.valuesFor(example, { app }),
      readySeconds: 180,
    });
  const fixed = await install("bench-process", "go-scratch", { command: ["/src/bin/server"] });
  const node = await install("bench-cli", "node", { command: ["node", "server.js"] });
  const deaf = await install("bench-deaf", "node", { command: ["node", "-e", stubborn] });
  try {
    await staticRestarts(fixed, bench);
    await typedRestarts(node, bench);
    await stubbornRestarts(deaf, bench);
    await idleSupervisor(fixed, bench);
  } finally {
    for (const workspace of [fixed, node, deaf]) await workspace.uninstall();
  }
}

const pidIn = (body: string): number => (JSON.parse(body) as { pid: number }).pid;

/** `request → first answer of the new pid`, beside the same program's own boot: spawned by its supervisor → first answer. */
async function staticRestarts(workspace: Workspace, bench: Bench): Promise<void> {
  const { ip } = await workspace.facts();
  const control = await controlFiles(workspace);
  const url = `http://${ip}:8080/whoami`;
  const totals: number[] = [];
  const overheads: number[] = [];
  for (let i = 0; i < bench.samples * 5; i++) {
    await sleep(50 + Math.random() * 50);
    const before = pidIn(await (await fetch(url)).text());
    const asked = performance.now();
    await writeFile(control.fifo, "restart\n", { flag: "a" });
    const answered = await firstAnswer(url, (body) => pidIn(body) !== before);
    totals.push(answered - asked);
    const { lastRestart } = JSON.parse(await readFile(control.state, "utf8")) as {
      lastRestart: { askedAt: string; startedAt: string };
    };
    overheads.push(Date.parse(lastRestart.startedAt) - Date.parse(lastRestart.askedAt));
  }
  await bench.report(rowOf("restart.process.static", "ms", totals));
  await bench.report(rowOf("restart.process.static.overhead", "ms", overheads));
}

/** `restart app` as it is typed: timed by the shell of the IDE's container, from the command's start to its end. */
async function typedRestarts(workspace: Workspace, bench: Bench): Promise<void> {
  const script = `for i in $(seq ${bench.samples}); do
  sleep 0.$((RANDOM % 5 + 2)); begin=$EPOCHREALTIME
  json=$(restart app --json 2>/dev/null) || exit 1
  echo "$begin $EPOCHREALTIME $json"
done`;
  const { code, stdout, stderr } = await workspace.exec("ide", ["bash", "-c", script]);
  if (code !== 0) throw new Error(`restart app failed: ${stderr}`);
  const samples = stdout
    .trim()
    .split("\n")
    .map((line) => {
      const [, begin = "", end = "", json = ""] = /^(\S+) (\S+) (.*)$/.exec(line) ?? [];
      const { started, served } = JSON.parse(json) as { started: number; served: number };
      return { total: (Number(end) - Number(begin)) * 1000, boot: served - started };
    });
  await bench.report(
    rowOf(
      "restart.cli.node",
      "ms",
      samples.map(({ total }) => total),
    ),
  );
  await bench.report(
    rowOf(
      "restart.cli.node.boot",
      "ms",
      samples.map(({ boot }) => boot),
    ),
  );
  await bench.report(
    rowOf(
      "restart.cli.node.overhead",
      "ms",
      samples.map(({ total, boot }) => total - boot),
    ),
  );
}

/** What a restart of an app that ignores SIGTERM costs beyond the grace, and with `--now`. */
async function stubbornRestarts(workspace: Workspace, bench: Bench): Promise<void> {
  const { ip } = await workspace.facts();
  const control = await controlFiles(workspace);
  const stop = async (line: string) => {
    const before = pidIn(await (await fetch(`http://${ip}:8080/`)).text());
    await writeFile(control.fifo, `${line}\n`, { flag: "a" });
    await firstAnswer(`http://${ip}:8080/`, (body) => pidIn(body) !== before);
    const { lastRestart } = JSON.parse(await readFile(control.state, "utf8")) as {
      lastRestart: { askedAt: string; startedAt: string };
    };
    return Date.parse(lastRestart.startedAt) - Date.parse(lastRestart.askedAt);
  };
  const beyond: number[] = [];
  const now: number[] = [];
  for (let i = 0; i < Math.ceil(bench.samples / 3); i++) {
    beyond.push((await stop("restart")) - grace);
    now.push(await stop("restart now"));
  }
  await bench.report(rowOf("restart.stubborn", "ms", beyond));
  await bench.report(rowOf("restart.stubborn.now", "ms", now));
}

/** Memory of the supervisor, and how often it woke up in half a minute in which nothing happened. */
async function idleSupervisor(workspace: Workspace, bench: Bench): Promise<void> {
  const processes = await containerProcesses((await workspace.facts()).containerIds["app"] ?? "");
  const kit = processes.find(({ command }) => command.includes("kit supervise"));
  if (kit === undefined) throw new Error("no supervisor in the app container");
  const read = async (name: string) => {
    const status = await readFile(`/proc/${kit.pid}/status`, "utf8");
    return Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(status)?.[1]);
  };
  const seconds = 30;
  const before = await read("voluntary_ctxt_switches");
  await sleep(seconds * 1000);
  const wakeups = (await read("voluntary_ctxt_switches")) - before;
  await bench.report(rowOf("idle.supervise.wakeups", "count", [wakeups / seconds]));
  await bench.report(rowOf("idle.supervise.rss", "MB", [(await read("VmRSS")) / 1024]));
}

/** The app's control files as this machine reaches them: through the root of the helper's process. */
async function controlFiles(workspace: Workspace): Promise<{ readonly fifo: string; readonly state: string }> {
  const [helper] = await containerProcesses((await workspace.facts()).containerIds["inpod"] ?? "");
  if (helper === undefined) throw new Error("the helper doesn't run");
  const folder = `/proc/${helper.pid}/root/inpod/app/app`;
  return { fifo: `${folder}/control`, state: `${folder}/state.json` };
}
