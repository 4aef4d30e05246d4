import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ContainerRun } from "./container.ts";
import { createKubeletStandIn, type KubeletStandIn } from "./kubelet-stand-in.ts";

let server: Server;
let answer: () => number;
let agents: string[];
let kubelet: KubeletStandIn | undefined;

beforeEach(async () => {
  answer = () => 200;
  agents = [];
  server = createServer((request, response) => {
    agents.push(request.headers["user-agent"] ?? "");
    response.writeHead(answer()).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterEach(async () => {
  await kubelet?.close(10);
  server.close();
});

/** A container that ends when it is told to, or by `die`. */
function fakeRun() {
  const { promise: ended, resolve: die } = Promise.withResolvers<void>();
  const graces: number[] = [];
  const run: ContainerRun = {
    startedAt: Date.now(),
    ended,
    stop: async (graceMs) => {
      graces.push(graceMs);
      die();
      await ended;
    },
  };
  return { run, die, graces };
}

function stand(options: { threshold?: number; backoff?: { initial: number; max: number } } = {}) {
  const runs: ReturnType<typeof fakeRun>[] = [];
  const said: string[] = [];
  kubelet = createKubeletStandIn({
    name: "app",
    start: () => {
      const next = fakeRun();
      runs.push(next);
      return next.run;
    },
    probe: {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/live/app`,
      period: 20,
      timeout: 1000,
      failureThreshold: options.threshold ?? 2,
      grace: 2000,
    },
    say: (line) => void said.push(line),
    ...(options.backoff === undefined ? {} : { backoff: options.backoff }),
  });
  return { runs, said, kubelet };
}

async function until(ask: () => boolean): Promise<void> {
  for (let i = 0; i < 2000 && !ask(); i++) await sleep(5);
  assert.ok(ask(), "in time");
}

test("a container whose probe passes is left alone, by probes that are known as the kubelet's", async () => {
  const { runs, kubelet } = stand();
  await until(() => agents.length >= 5);
  assert.equal(runs.length, 1);
  assert.equal(kubelet.restarts(), 0);
  assert.ok(agents.every((agent) => agent.startsWith("kube-probe/")));
});

test("as many failures in a row as the threshold says restart it once, with the probe's grace", async () => {
  const answers = [200, 503, 503, 200];
  answer = () => answers.shift() ?? 200;
  const { runs, kubelet } = stand();
  await until(() => kubelet.restarts() === 1);
  await sleep(100);
  assert.equal(kubelet.restarts(), 1);
  assert.deepEqual(runs[0]?.graces, [2000]);
  assert.deepEqual(runs[1]?.graces, []);
});

test("one failure below the threshold is forgotten at the next success", async () => {
  const answers = [503, 200, 503, 200, 503, 200];
  answer = () => answers.shift() ?? 200;
  const { kubelet } = stand();
  await until(() => answers.length === 0);
  await sleep(60);
  assert.equal(kubelet.restarts(), 0);
});

test("nobody listening counts as a failure", async () => {
  const { kubelet } = stand({ threshold: 3 });
  await until(() => agents.length > 0);
  await new Promise((resolve) => server.close(resolve));
  await until(() => kubelet.restarts() === 1);
});

test("a container that ends by itself is started again: at once, then after a growing wait", async () => {
  const { runs, said, kubelet } = stand({ backoff: { initial: 200, max: 800 } });
  const waits: string[][] = [];
  for (let n = 0; n < 4; n++) {
    runs[n]?.die();
    await until(() => runs.length > n + 1);
    waits.push(said.splice(0));
  }
  assert.deepEqual(
    waits.map((lines) => lines.length),
    [0, 1, 1, 1],
  );
  assert.match(waits[3]?.[0] ?? "", /back-off.*starting again in \d s/);
  assert.equal(kubelet.restarts(), 4);
});

test("after close nothing is started and nothing probed, also in the middle of a back-off", async () => {
  const { runs, kubelet } = stand({ backoff: { initial: 60_000, max: 60_000 } });
  runs[0]?.die();
  await until(() => runs.length > 1);
  runs[1]?.die();
  await sleep(30);
  await kubelet.close(10);
  const probes = agents.length;
  await sleep(80);
  assert.equal(runs.length, 2);
  assert.ok(agents.length - probes <= 1);
});
