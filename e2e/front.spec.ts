import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { containerProcesses } from "./container-processes.ts";
import { startLoad } from "./load.ts";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace, type Workspace } from "./workspace.ts";

// With front.enabled nobody notices a requested restart of the process, whatever the app does with SIGTERM.

/** Gone the moment that it is told; POST gives the body back. */
const echo =
  "require('http').createServer((q, a) => (q.method === 'POST' ? q.pipe(a) : a.end(String(process.pid)))).listen(8080)";
/** The same on the port that it is told, and not at all while the source has a file `broken`. */
const swappable = `if (require('fs').existsSync('/app/broken')) throw new Error('this version is broken');
require('http').createServer((q, a) => (q.method === 'POST' ? q.pipe(a) : a.end(String(process.pid)))).listen(process.env.PORT)`;
const values = { app: { command: ["node"], args: ["-e", echo] }, front: { enabled: true } };

let stage: Stage;
let workspace: Workspace;
before(async () => {
  stage = await openStage("dev");
  workspace = await installWorkspace(stage.cluster, {
    release: "front",
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", values),
    readySeconds: 180,
  });
});
after(async () => {
  await workspace?.uninstall();
  await stage?.close();
});

test("30 process restarts under 200 requests/s through the Service: 0 failed", { timeout: 300_000 }, async (t) => {
  const url = await workspace.url();
  const loads = {
    "new connections": startLoad(url, 80),
    "kept connections": startLoad(url, 60, { keepAlive: true }),
    "POST with bodies": startLoad(url, 60, { keepAlive: true, echo: "a body ".repeat(3000) }),
  };
  for (let i = 0; i < 30; i++) {
    const { record, stderr } = await workspace.restart("app", "--process");
    assert.equal(record.outcome, "served", `${record.message ?? ""} ${stderr}`);
    assert.ok(record.drained !== undefined, "the front was held");
  }
  for (const [name, load] of Object.entries(loads)) {
    const result = await load.stop();
    t.diagnostic(`${name}: ${result.sent} requests, slowest ${Math.round(result.slowest)} ms`);
    assert.ok(result.sent > 100);
    assert.equal(result.failed, 0, `${name}: ${JSON.stringify(result.failures)}`);
  }
  const { restarts } = await workspace.facts();
  assert.deepEqual([restarts["app"], restarts["front"]], [0, 0]);
});

test("a version that dies at boot: the front opens again, says 502, and serves the next one", async () => {
  const { stderr, record } = await workspace.restart("app", "--process");
  assert.equal(record.outcome, "served", stderr);
  const kill = (await containerProcesses((await workspace.facts()).containerIds["app"] ?? "")).find(({ command }) =>
    command.startsWith("node"),
  );
  assert.ok(kill !== undefined, "the app runs");
  process.kill(kill.pid, "SIGKILL");
  const url = await workspace.url();
  assert.equal((await fetch(url)).status, 502);
  const waiting = workspace.restart("app", "--process");
  assert.equal((await waiting).record.outcome, "served");
  assert.equal((await fetch(url)).status, 200);
});

test("the front killed -9 is back in its container, and the app hasn't noticed", async () => {
  const facts = await workspace.facts();
  const front = async () =>
    (await containerProcesses(facts.containerIds["front"] ?? "")).find(
      ({ command }) => command.includes("router.mjs front") && !command.includes("kit init"),
    );
  const old = await front();
  assert.ok(old !== undefined, "the front runs");
  process.kill(old.pid, "SIGKILL");
  await until(
    "another front",
    async () => {
      const now = await front();
      return now !== undefined && now.pid !== old.pid;
    },
    { seconds: 20 },
  );
  const url = await workspace.url();
  await until(
    "it answers",
    () =>
      fetch(url).then(
        (answer) => answer.ok,
        () => false,
      ),
    { seconds: 20 },
  );
  assert.deepEqual((await workspace.facts()).restarts, facts.restarts);
});

test("30 swaps under 200 requests/s: 0 failed; a broken version: 0 failed", { timeout: 600_000 }, async (t) => {
  const swapping = await installWorkspace(stage.cluster, {
    release: "swap",
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", {
      app: { command: ["node"], args: ["-e", swappable] },
      front: { enabled: true },
      restart: { swap: { enabled: true } },
    }),
    readySeconds: 180,
  });
  t.after(() => swapping.uninstall());
  const url = await swapping.url();
  const loads = () => [startLoad(url, 100), startLoad(url, 100, { keepAlive: true, echo: "a body ".repeat(1000) })];
  const end = async (name: string, running: ReturnType<typeof loads>) => {
    for (const load of running) {
      const result = await load.stop();
      t.diagnostic(`${name}: ${result.sent} requests, p99 ${Math.round(result.p99)} ms`);
      assert.equal(result.failed, 0, `${name}: ${JSON.stringify(result.failures)}`);
    }
  };

  const swaps = loads();
  for (let i = 0; i < 30; i++) {
    const { record, stderr } = await swapping.restart("app");
    assert.deepEqual([record.outcome, record.swapped], ["served", true], `${record.message ?? ""} ${stderr}`);
  }
  await end("30 swaps", swaps);

  const before = await (await fetch(url)).text();
  const broken = loads();
  assert.equal((await swapping.exec("ide", ["touch", "/app/broken"])).code, 0);
  const { record } = await swapping.restart("app");
  assert.equal(record.outcome, "crashed");
  assert.match(record.message ?? "", /the old one goes on serving/);
  await end("a broken version", broken);
  assert.equal(await (await fetch(url)).text(), before, "the old process");
  assert.equal((await swapping.exec("ide", ["rm", "/app/broken"])).code, 0);
  assert.equal((await swapping.restart("app")).record.outcome, "served");
  assert.equal((await swapping.facts()).restarts["app"], 0);
});
