import type { Stage } from "../stage.ts";
import { exampleValues } from "../stage.ts";
import { startLoad } from "../load.ts";
import { installWorkspace } from "../workspace.ts";
import type { Bench } from "./bench.ts";
import { closedLoad } from "./closed-load.ts";
import { rowOf } from "./row.ts";

const appPort = 8080;
const frontPort = 7780;
const restarts = 30;

/** 1 KiB with its length; gone the moment that it is told. */
const app = `const b = Buffer.alloc(1024, 97);
require('http').createServer((q, a) => { a.setHeader('content-length', 1024); a.end(b); }).listen(${appPort})`;

const swappable = app.replace(`listen(${appPort})`, "listen(process.env.PORT)");

/** Swaps: none fails, and the slowest hundredth is compared with that of the same load left alone, before and after. */
async function swaps(stage: Stage, bench: Bench): Promise<void> {
  const workspace = await installWorkspace(stage.cluster, {
    release: "bench-swap",
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", {
      app: { command: ["node"], args: ["-e", swappable] },
      front: { enabled: true },
      restart: { swap: { enabled: true } },
    }),
    readySeconds: 180,
  });
  try {
    const url = await workspace.url();
    const steady = startLoad(url, 200, { keepAlive: true });
    await new Promise((resolve) => setTimeout(resolve, 15_000));
    const alone = await steady.stop();
    const load = startLoad(url, 200, { keepAlive: true });
    const served: number[] = [];
    for (let i = 0; i < restarts; i++) {
      const { record, stderr } = await workspace.restart("app");
      if (record.served === undefined || record.swapped !== true) throw new Error(record.message ?? stderr);
      served.push(record.served);
      bench.progress(
        `swap ${i + 1}/${restarts}: served after ${record.served} ms, old one stopped after ${record.stopped} ms`,
      );
    }
    const { failed, failures, p99, sent } = await load.stop();
    bench.progress(`${sent} requests, ${failed} failed ${JSON.stringify(failures)}`);
    await bench.report(rowOf("swap.failed", "count", [failed]));
    await bench.report(rowOf("swap.served", "ms", served));
    await bench.report(rowOf("swap.p99", "ms", [p99]));
    await bench.report(rowOf("swap.p99.steady", "ms", [alone.p99]));
  } finally {
    await workspace.uninstall();
  }
}

/** What the front is for, and what it costs: direct and through it in turns, so that both see the same machine. */
export async function frontSuite(stage: Stage, bench: Bench): Promise<void> {
  const workspace = await installWorkspace(stage.cluster, {
    release: "bench-front",
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", {
      app: { command: ["node"], args: ["-e", app] },
      front: { enabled: true, port: frontPort },
    }),
    readySeconds: 180,
  });
  try {
    const url = await workspace.url();
    const loads = [startLoad(url, 100), startLoad(url, 100, { keepAlive: true })];
    const waits: number[] = [];
    for (let i = 0; i < restarts; i++) {
      const { record, stderr } = await workspace.restart("app", "--process");
      if (record.served === undefined) throw new Error(record.message ?? stderr);
      waits.push(record.served);
      bench.progress(
        `restart ${i + 1}/${restarts}: served after ${record.served} ms, drained after ${record.drained} ms`,
      );
    }
    const results = await Promise.all(loads.map((load) => load.stop()));
    for (const { sent, failed, failures } of results) {
      bench.progress(`${sent} requests, ${failed} failed ${JSON.stringify(failures)}`);
    }
    await bench.report(rowOf("front.failed", "count", [results.reduce((sum, { failed }) => sum + failed, 0)]));
    await bench.report(
      rowOf(
        "front.slowest",
        "ms",
        results.map(({ slowest }) => slowest),
      ),
    );
    await bench.report(rowOf("front.restart", "ms", waits));

    const { ip } = await workspace.facts();
    const ratios: number[] = [];
    const through: number[] = [];
    const direct: number[] = [];
    const rounds = Math.min(bench.samples, 10);
    for (let i = 0; i < rounds; i++) {
      const many = { connections: 32, seconds: 2 };
      const one = { connections: 1, seconds: 1 };
      const [app32, front32] = [await closedLoad(ip, appPort, many), await closedLoad(ip, frontPort, many)];
      ratios.push(front32.perSecond / app32.perSecond);
      direct.push(median((await closedLoad(ip, appPort, one)).latencies));
      through.push(median((await closedLoad(ip, frontPort, one)).latencies));
      bench.progress(
        `${i + 1}/${rounds} direct ${Math.round(app32.perSecond)}/s, front ${Math.round(front32.perSecond)}/s`,
      );
    }
    await bench.report(rowOf("front.rps.ratio", "ratio", ratios));
    await bench.report(rowOf("front.latency", "ms", through));
    await bench.report(rowOf("front.latency.direct", "ms", direct, "no front"));
  } finally {
    await workspace.uninstall();
  }
  await swaps(stage, bench);
}

function median(samples: readonly number[]): number {
  return [...samples].sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN;
}
