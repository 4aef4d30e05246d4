import type { Stage } from "../stage.ts";
import { exampleValues } from "../stage.ts";
import { installWorkspace, type Workspace } from "../workspace.ts";
import { openBarePod } from "./bare.ts";
import type { Bench } from "./bench.ts";
import { portClosedDuring } from "./port-closed.ts";
import { recipeRestarts } from "./recipe.ts";
import { rollouts } from "./rollout.ts";
import { rowOf } from "./row.ts";

interface Contestant {
  readonly name: string;
  readonly workspace: Workspace;
  readonly served: number[];
  readonly closed: number[];
}

/** An app that doesn't handle SIGTERM, as PID 1: it ignores the signal and costs the whole grace. */
const stubborn = "require('http').createServer((_, a) => a.end('ok')).listen(8080); process.on('SIGTERM', () => {});";

/** Container restarts, asked → served, interleaved so that all contestants see the same machine. */
export async function containerSuite(stage: Stage, bench: Bench): Promise<void> {
  const install = (release: string, example: "node" | "go-scratch", values: object) =>
    installWorkspace(stage.cluster, {
      release,
      valuesFiles: [exampleValues(example)],
      values: stage.valuesFor(example, values),
      readySeconds: 180,
    });
  const entry = async (name: string, workspace: Promise<Workspace>): Promise<Contestant> => ({
    name,
    workspace: await workspace,
    served: [],
    closed: [],
  });
  const contestants = [
    await entry("container.static", install("bench-static", "go-scratch", { restart: { process: false, build: "" } })),
    await entry(
      "container1.static",
      install("bench-static1", "go-scratch", {
        restart: { process: false, build: "", probe: { failureThreshold: 1 } },
      }),
    ),
    await entry(
      "container.node",
      install("bench-node", "node", {
        restart: { process: false },
        app: { command: ["node"], args: ["-e", stubborn] },
      }),
    ),
  ];
  const bare = await openBarePod(stage);
  const bareClosed: number[] = [];
  try {
    for (let i = 0; i < bench.samples; i++) {
      bareClosed.push(await portClosedDuring(bare.ip, 8080, () => bare.restart()));
      for (const { name, workspace, served, closed } of contestants) {
        const { ip } = await workspace.facts();
        // Not in step with the probe: people aren't.
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 1000));
        const gap = await portClosedDuring(ip, 8080, async () => {
          const { record, stderr } = await workspace.restart("app", "--container", "--timeout", "60s");
          if (record.served === undefined) throw new Error(`${name}: ${record.message ?? stderr}`);
          served.push(record.served);
        });
        closed.push(gap);
        bench.progress(`${i + 1}/${bench.samples} ${name}: ${served.at(-1)} ms, closed ${Math.round(gap)} ms`);
      }
    }
  } finally {
    for (const { workspace } of contestants) await workspace.uninstall();
    await bare.close();
  }
  await bench.report(rowOf("restart.container.static.closed", "ms", bareClosed, "bare pod"));
  for (const { name, served, closed } of contestants) {
    await bench.report(rowOf(`restart.${name}`, "ms", served));
    await bench.report(rowOf(`restart.${name}.closed`, "ms", closed));
  }
  bench.progress("kubectl rollout restart of a Deployment of one");
  const rolled = await rollouts(stage, Math.min(10, bench.samples));
  await bench.report(rowOf("restart.container.static", "ms", rolled, "kubectl rollout restart"));
  bench.progress("the recipe inpod started from: exec `cat liveness`, period 2 s, defaults otherwise");
  const recipe = await recipeRestarts(stage, Math.min(3, bench.samples), stubborn);
  await bench.report(rowOf("restart.recipe.node", "ms", recipe, "cat liveness"));
}
