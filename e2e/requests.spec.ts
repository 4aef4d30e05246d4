import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RestartRecord } from "@inpod/sidecar/protocol";
import { containerProcesses } from "./container-processes.ts";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace, type Workspace } from "./workspace.ts";

// Exactly once: every request is one container restart, or merged into one, or refused with the reason; none without a request.

let stage: Stage;
before(async () => {
  stage = await openStage("dev");
});
after(() => stage?.close());

const install = (release: string, values: object = {}, waitFor: "pod" | "commands" = "pod") =>
  installWorkspace(stage.cluster, {
    release,
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", { restart: { process: false }, ...values }),
    waitFor,
  });

/** Repeatable, so that a failure can be played again with the same moments. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

async function restartsOfApp(workspace: Workspace): Promise<number> {
  return (await workspace.facts()).restarts["app"] ?? 0;
}

/** The count is `expected`, at once or when the kubelet has told the API server of the last restart; and it stays so. */
async function settle(workspace: Workspace, expected: number): Promise<void> {
  const counted = async () => (await restartsOfApp(workspace)) >= expected;
  await until(`${expected} restarts are counted`, counted, { seconds: 20 }).catch(() => {});
  await sleep(2000);
  assert.equal(await restartsOfApp(workspace), expected);
}

async function killHelper(workspace: Workspace): Promise<void> {
  const processes = await containerProcesses((await workspace.facts()).containerIds["inpod"] ?? "");
  assert.ok(processes.length > 0, "the helper runs");
  for (const { pid } of processes) process.kill(pid, "SIGKILL");
}

test(
  "100 requests at random moments: exactly one container restart each, or merged, or refused and told so",
  { timeout: 900_000 },
  async (t) => {
    const workspace = await install("requests");
    t.after(() => workspace.uninstall());
    const seed = Number(process.env["INPOD_SEED"] ?? Date.now() % 1_000_000);
    t.diagnostic(`INPOD_SEED=${seed}`);
    const random = createRandom(seed);
    const before = await restartsOfApp(workspace);
    const asked: Promise<{ code: number; record: RestartRecord & { merged?: string }; stderr: string }>[] = [];

    let kills = 0;
    while (asked.length < 96) {
      asked.push(workspace.restart("--timeout", "60s"));
      // A double one joins; one in the middle of a start-up waits for it.
      if (random() < 0.25) asked.push(workspace.restart("--timeout", "60s"));
      if (asked.length >= (kills + 1) * 24) {
        kills++;
        await sleep(random() * 1500);
        await killHelper(workspace);
      }
      await sleep(random() * 1200);
      if (asked.length % 3 === 0) await Promise.allSettled(asked);
    }
    const byHand = 4;
    const answers = await Promise.all(asked);
    const served = new Set(answers.flatMap(({ record }) => (record.outcome === "served" ? [record.id] : [])));
    await settle(workspace, before + served.size);
    for (let i = 0; i < byHand; i++) {
      const present = await restartsOfApp(workspace);
      assert.equal((await workspace.exec("app", ["rm", "/inpod/app/app/liveness"])).code, 0);
      await until("rm liveness has restarted the app", async () => (await restartsOfApp(workspace)) > present);
      await until("it is served again", async () => (await workspace.status()).app[0]?.phase === "running");
    }

    for (const { code, record, stderr } of answers) {
      assert.ok(record.outcome !== undefined, `no end was told: ${stderr}`);
      assert.equal(code, { served: 0, crashed: 1, timeout: 3, refused: 4 }[record.outcome], stderr);
      if (record.outcome !== "served") assert.ok((record.message ?? "").length > 10, JSON.stringify(record));
    }
    const merged = answers.filter(({ record }) => record.merged !== undefined).length;
    t.diagnostic(
      `${answers.length} requests: ${served.size} restarts, ${merged} merged, ${byHand} by hand, helper killed ${kills} times`,
    );
    await settle(workspace, before + served.size + byHand);
    assert.ok(answers.filter(({ record }) => record.outcome === "served").length >= 90);
  },
);

test(
  "with a startupProbe pending a request is refused in time with what to suspect, and nothing restarts later",
  { timeout: 180_000 },
  async (t) => {
    const startupProbe = { httpGet: { path: "/never", port: 8080 }, periodSeconds: 1, failureThreshold: 600 };
    const workspace = await install("startup", { app: { startupProbe } }, "commands");
    t.after(() => workspace.uninstall());
    await until("the app listens", async () => (await workspace.status()).app[0]?.phase === "running");
    const { code, record } = await workspace.restart("--timeout", "4s");
    assert.equal(code, 3);
    assert.match(record.message ?? "", /startupProbe/);
    assert.equal((await workspace.exec("app", ["ls", "/inpod/app/app/liveness"])).code, 0);
    await sleep(5000);
    assert.equal(await restartsOfApp(workspace), 0);
  },
);

test(
  "no restart without a request: responder killed, stopped, the node's cores saturated",
  { timeout: 300_000 },
  async (t) => {
    const workspace = await install("steady");
    t.after(() => workspace.uninstall());
    const responder = async () => {
      const all = await containerProcesses((await workspace.facts()).containerIds["live"] ?? "");
      const child = all.find((one) => all.some((other) => other.pid === one.parent));
      assert.ok(child !== undefined, `kit live runs as a parent and a child: ${JSON.stringify(all)}`);
      return child.pid;
    };

    for (let i = 0; i < 5; i++) {
      const pid = await responder();
      process.kill(pid, "SIGKILL");
      await until("the responder has a new child", async () => (await responder()) !== pid);
    }
    const stopped = await responder();
    process.kill(stopped, "SIGSTOP");
    await sleep(4000);
    process.kill(stopped, "SIGCONT");

    const burners = await Promise.all(
      Array.from({ length: 8 }, () => workspace.exec("ide", ["timeout", "60", "sh", "-c", "while :; do :; done"])),
    );
    assert.deepEqual(
      burners.map(({ code }) => code),
      Array(8).fill(124),
      "each burnt for its whole minute",
    );
    await sleep(2000);
    const { restarts } = await workspace.facts();
    assert.equal(restarts["app"], 0);
    assert.equal(restarts["live"], 0);
    // And it still answers a request.
    assert.equal((await workspace.restart()).code, 0);
  },
);
