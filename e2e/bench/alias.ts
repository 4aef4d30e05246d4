import { exampleValues, type Stage } from "../stage.ts";
import { installWorkspace } from "../workspace.ts";
import type { Bench } from "./bench.ts";
import { rowOf } from "./row.ts";

/**
 * An app without a SIGTERM handler. Under the supervisor the signal ends it; as PID 1, in an image that is run as it is, the kernel
 * keeps the signal from it, and it costs the whole grace of the pod: 2 s, which is also the least that the kubelet gives.
 */
const stubborn = "require('http').createServer((_, a) => a.end('ok')).listen(8080)";

const inARow = 12;

/** Container restarts in a row on the kubelet's own back-off settings, by the image's tag: asked → served. */
export async function aliasSuite(stage: Stage, bench: Bench): Promise<void> {
  const node = { command: ["node"], args: ["-e", stubborn] };
  for (const [row, example, change, process] of [
    ["restart.alias.static", "go-scratch", {}, false],
    ["restart.alias.node", "node", node, true],
    ["restart.alias.node.pid1", "node", node, false],
  ] as const) {
    const workspace = await installWorkspace(stage.cluster, {
      release: `bench-${example}`,
      valuesFiles: [exampleValues(example)],
      values: stage.valuesFor(example, {
        app: { image: stage.imageByDigest(example), ...change },
        restart: { process, build: "" },
        rbac: { restartWithoutBackoff: true },
      }),
      readySeconds: 180,
    });
    try {
      const served: number[] = [];
      let byTag = 0;
      for (let i = 0; i < inARow; i++) {
        const { record, stderr } = await workspace.restart("app", "--container", "--timeout", "60s");
        if (record.served === undefined) throw new Error(`${row}: ${record.message ?? stderr}`);
        served.push(record.served);
        if (record.image !== undefined) byTag++;
        if (record.waitsUntil !== undefined) throw new Error(`${row}: waited in back-off: ${record.note ?? ""}`);
        bench.progress(
          `${i + 1}/${inARow} ${row}: ${record.served} ms${record.image === undefined ? "" : " by the tag"}`,
        );
      }
      bench.progress(`${row}: ${byTag} of ${inARow} by the tag`);
      await bench.report(rowOf(row, "ms", served));
    } finally {
      await workspace.uninstall();
    }
  }
}
