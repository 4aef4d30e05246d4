import { readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { containerProcesses } from "../container-processes.ts";
import type { Stage } from "../stage.ts";
import { exampleValues } from "../stage.ts";
import { installWorkspace, type Workspace } from "../workspace.ts";
import type { Bench } from "./bench.ts";
import { rowOf } from "./row.ts";

/** Kernel clock ticks a second (USER_HZ), fixed at 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;
const windowSeconds = 60;

/** What a workspace costs while nobody does anything: CPU over a minute, memory at its end. */
export async function idleSuite(stage: Stage, bench: Bench): Promise<void> {
  const workspace = await installWorkspace(stage.cluster, {
    release: "bench-idle",
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node"),
    readySeconds: 180,
  });
  try {
    bench.progress(`idle for ${windowSeconds} s`);
    await sleep(10_000);
    for (const [container, name] of [
      ["live", "idle.live"],
      ["inpod", "idle.helper"],
    ] as const) {
      const before = await usage(workspace, container);
      await sleep(windowSeconds * 1000);
      const after = await usage(workspace, container);
      const cpu = ((after.ticks - before.ticks) / ticksPerSecond / windowSeconds) * 100;
      await bench.report(rowOf(`${name}.cpu`, "% of a core", [cpu]));
      await bench.report(rowOf(`${name}.rss`, "MB", [after.rssKb / 1024]));
    }
  } finally {
    await workspace.uninstall();
  }
}

/** User and system ticks, and resident memory, of all processes of a container together. */
async function usage(workspace: Workspace, container: string): Promise<{ ticks: number; rssKb: number }> {
  const processes = await containerProcesses((await workspace.facts()).containerIds[container] ?? "");
  let ticks = 0;
  let rssKb = 0;
  for (const { pid } of processes) {
    const stat = await readFile(`/proc/${pid}/stat`, "utf8");
    const columns = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    ticks += Number(columns[11]) + Number(columns[12]);
    rssKb += Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  }
  if (processes.length === 0) throw new Error(`no process of container ${container} was found on this machine`);
  return { ticks, rssKb };
}
