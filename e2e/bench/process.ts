import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { buildFixture } from "../../restart-controller/native/fixtures/build.ts";
import { run } from "../cluster/command.ts";
import { containerProcesses } from "../container-processes.ts";
import type { Stage } from "../stage.ts";
import { exampleValues } from "../stage.ts";
import { installWorkspace, type Workspace } from "../workspace.ts";
import type { Bench } from "./bench.ts";
import { rowOf } from "./row.ts";
import { ensureStaticImage } from "./static-image.ts";

/** Milliseconds that `kit supervise` gives an app to end; the chart leaves it at the default. */
const grace = 2000;

/** Process restarts: what the supervisor costs, from the request to the first answer of the new process. */
export async function processSuite(stage: Stage, bench: Bench): Promise<void> {
  const image = await ensureStaticImage((line) => bench.progress(line));
  await stage.cluster.loadImage(image.ref, image.archive);
  const installStatic = (release: string, ...args: readonly string[]) =>
    installWorkspace(stage.cluster, {
      release,
      values: stage.valuesFor("node", {
        app: {
          image: image.ref,
          sourcePath: "/src",
          command: ["/src/static-app", "8080", ...args],
          ports: [{ name: "http", containerPort: 8080 }],
          securityContext: { runAsUser: 65532, readOnlyRootFilesystem: true },
        },
      }),
      readySeconds: 180,
    });
  const fixed = await installStatic("bench-process");
  const deaf = await installStatic("bench-deaf", "stubborn");
  const node = await installWorkspace(stage.cluster, {
    release: "bench-cli",
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", { app: { command: ["node", "server.js"] } }),
    readySeconds: 180,
  });
  try {
    await staticRestarts(fixed, bench);
    await typedRestarts(node, bench);
    await stubbornRestarts(deaf, bench);
    await idleSupervisor(fixed, bench);
  } finally {
    for (const workspace of [fixed, node, deaf]) await workspace.uninstall();
  }
}

/**
 * Milliseconds from a line written into the app's FIFO to the first answer of another pid, measured by a C program in the
 * pod's network: a client in a slower language would measure itself.
 */
async function clocked(workspace: Workspace, line: string, count: number): Promise<number[]> {
  const { containerIds } = await workspace.facts();
  const [app] = await containerProcesses(containerIds["app"] ?? "");
  const [helper] = await containerProcesses(containerIds["inpod"] ?? "");
  if (app === undefined || helper === undefined) throw new Error("the workspace doesn't run on this machine");
  const fifo = `/proc/${helper.pid}/root/inpod/app/app/control`;
  const clock = await buildFixture("restart-clock");
  return milliseconds(
    await run(["nsenter", `--net=/proc/${app.pid}/ns/net`, clock, "8080", String(count), "control", fifo, line]),
  );
}

const milliseconds = (microseconds: string): number[] =>
  microseconds
    .trim()
    .split("\n")
    .map((text) => Number(text) / 1000);

const medianOf = (samples: readonly number[]): number =>
  [...samples].sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;

/** A static program in a scratch image, beside the same program's own start: fork → first answer. */
async function staticRestarts(workspace: Workspace, bench: Bench): Promise<void> {
  const port = "18080";
  const own: number[] = [];
  const restarts: number[] = [];
  for (let turn = 0; turn < 10; turn++) {
    restarts.push(...(await clocked(workspace, "restart", bench.samples)));
    const [clock, app] = [await buildFixture("restart-clock"), await buildFixture("static-app")];
    own.push(...milliseconds(await run([clock, port, String(bench.samples), "spawn", app, port])));
  }
  const boot = medianOf(own);
  await bench.report(rowOf("restart.process.static", "ms", restarts));
  await bench.report(rowOf("restart.process.static.boot", "ms", own));
  await bench.report(
    rowOf(
      "restart.process.static.overhead",
      "ms",
      restarts.map((ms) => ms - boot),
    ),
  );
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
  const count = Math.ceil(bench.samples / 3);
  const patient = await clocked(workspace, "restart", count);
  await bench.report(
    rowOf(
      "restart.stubborn",
      "ms",
      patient.map((ms) => ms - grace),
    ),
  );
  await bench.report(rowOf("restart.stubborn.now", "ms", await clocked(workspace, "restart now", count)));
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
