import { writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { forecast, requeueSlack, startsAfter } from "@inpod/restart-controller/core";
import type { ContainerExit } from "@inpod/restart-controller/core";
import type { Stage } from "../stage.ts";
import { compare } from "./backoff-error.ts";
import type { Recorded } from "./backoff-error.ts";
import { until } from "../wait.ts";
import { startBackoffPod } from "./backoff-pod.ts";
import type { BackoffPod } from "./backoff-pod.ts";
import type { Bench } from "./bench.ts";
import { rowOf } from "./row.ts";

type Step = readonly [gap: number, by: ContainerExit["by"]];

/** How each pod is treated, over and over: seconds from a start to the next end, and how it is ended. */
const sequences: Readonly<Record<string, readonly Step[]>> = {
  "kill-1": [[1, "kill"]],
  "kill-5": [[5, "kill"]],
  "kill-12": [[12, "kill"]],
  "kill-25": [[25, "kill"]],
  "kill-45": [[45, "kill"]],
  "kill-85": [[85, "kill"]],
  "crash-1": [[1, "itself"]],
  "crash-20": [[20, "itself"]],
  "kill-crash": [
    [2, "kill"],
    [2, "itself"],
  ],
  "kill-alias": [
    [1, "kill"],
    [1, "kill"],
    [1, "kill"],
    [1, "alias"],
  ],
};

/** Nothing is begun that could end later; with the pods' start a run stays below ten minutes. */
const budget = 420_000;

/** Predicted and real waits of the default kubelet, in ten pods at once. INPOD_RECORD names a file for the table. */
export async function backoffSuite(stage: Stage, bench: Bench): Promise<void> {
  const { cluster } = stage;
  const image = stage.imageByDigest("node");
  const [tagged = "", digest = ""] = image.split("@");
  const repository = tagged.slice(0, tagged.lastIndexOf(":"));
  const namespace = `backoff-${Date.now()}`;
  await cluster.kubectl(["create", "namespace", namespace]);
  try {
    const pods = await Promise.all(
      Object.entries(sequences).map(async ([name, steps]) => ({
        name,
        steps,
        pod: await startBackoffPod(cluster, {
          namespace,
          name,
          repository,
          digest,
          crashes: steps.some(([, by]) => by === "itself"),
        }),
      })),
    );
    const giveUp = Date.now() + budget;
    const recorded = await Promise.all(
      pods.map(({ name, steps, pod }) => record(pod, name, steps, giveUp, (line) => bench.progress(line))),
    );
    const file = process.env["INPOD_RECORD"];
    if (file !== undefined) await writeFile(file, tableText(recorded));
    const compared = recorded.flatMap((one) => compare(one));
    const error = ({ predicted, real }: { predicted: number; real: number }) => Math.abs(predicted - real);
    await bench.report(rowOf("backoff.error", "s", compared.map(error)));
    await bench.report(rowOf("backoff.error.free", "s", compared.filter((one) => one.predicted === 0).map(error)));
    await bench.report(rowOf("backoff.error.waited", "s", compared.filter((one) => one.predicted > 0).map(error)));
    await bench.report(
      rowOf(
        "backoff.outside",
        "s",
        compared.map(({ outside }) => outside),
      ),
    );
  } finally {
    await cluster.kubectl(["delete", "namespace", namespace, "--wait=false"]);
  }
}

async function record(
  pod: BackoffPod,
  name: string,
  steps: readonly Step[],
  giveUp: number,
  progress: (line: string) => void,
): Promise<Recorded> {
  const began = Date.now();
  const exits: ContainerExit[] = [];
  const done: { by: ContainerExit["by"]; at: number; started: number }[] = [];
  const seconds = (ms: number) => Number(((ms - began) / 1000).toFixed(2));
  for (let i = 0; ; i++) {
    const [gap, by] = steps[i % steps.length] ?? [1, "kill"];
    const asked = Date.now() + gap * 1000;
    const wait = by === "kill" ? forecast(exits, asked).wait : startsAfter([...exits, { at: asked, by }]) - asked;
    if (asked + wait + requeueSlack(wait) + 5000 > giveUp) {
      // One that nobody asked for would make every wait after it another one.
      await until(
        `${name} has been restarted ${done.length} times`,
        async () => (await pod.restarts()) === done.length,
      );
      return { name, steps: done };
    }
    await sleep(gap * 1000);
    const { at, started } = await pod.end(by);
    exits.push({ at, by });
    done.push({ by, at: seconds(at), started: seconds(started) });
    progress(`${name}: ${by}, foretold ${wait / 1000} s, waited ${((started - at) / 1000).toFixed(1)} s`);
  }
}

/** One step a line, so that two recordings can be compared by eye. */
function tableText(recorded: readonly Recorded[]): string {
  const sequence = ({ name, steps }: Recorded) =>
    `  { "name": ${JSON.stringify(name)}, "steps": [\n${steps.map((step) => `    ${JSON.stringify(step)}`).join(",\n")}\n  ] }`;
  return `[\n${recorded.map(sequence).join(",\n")}\n]\n`;
}
