import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { containerProcesses } from "./container-processes.ts";
import { startLoad } from "./load.ts";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace, type Workspace } from "./workspace.ts";

// Whatever of ours dies, the app's callers don't notice.

let stage: Stage;
before(async () => {
  stage = await openStage("dev");
});
after(() => stage?.close());

const ideRuns = (workspace: Workspace) => async () => (await workspace.status()).ide.phase === "running";

async function processesOf(workspace: Workspace, container: string) {
  return containerProcesses((await workspace.facts()).containerIds[container] ?? "");
}

async function killCodeServer(workspace: Workspace): Promise<void> {
  const server = (await processesOf(workspace, "ide")).find(({ command }) => command.includes("code-server"));
  assert.ok(server !== undefined, "code-server runs");
  process.kill(server.pid, "SIGKILL");
}

async function exhaustMemory(workspace: Workspace): Promise<void> {
  const eat = "const a = []; for (;;) a.push(Buffer.alloc(16 << 20, 1));";
  const { code } = await workspace.exec("ide", ["node", "-e", eat]);
  assert.notEqual(code, 0, "it ran into the limit");
}

async function killAll(workspace: Workspace, container: string): Promise<void> {
  for (const { pid } of await processesOf(workspace, container)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It went with its parent.
    }
  }
}

/** The processes that a fault ends, if it ends any; a new one tells that it did and that it was made good. */
async function victims(workspace: Workspace, fault: string): Promise<readonly number[]> {
  if (fault.startsWith("the kubelet") || fault.includes("memory")) return [performance.now()];
  const processes = await processesOf(workspace, fault.startsWith("the helper") ? "inpod" : "ide");
  const wanted = fault.startsWith("the helper") ? "helper.mjs" : "code-server/out/node/entry.js";
  return processes.filter(({ command }) => command.includes(wanted)).map(({ pid }) => pid);
}

const faults: Readonly<Record<string, (workspace: Workspace) => Promise<void>>> = {
  "code-server killed -9": killCodeServer,
  "the IDE container driven out of memory": exhaustMemory,
  "every process of the IDE container killed at once": (workspace) => killAll(workspace, "ide"),
  "the helper killed -9": (workspace) => killAll(workspace, "inpod"),
  "the kubelet restarted": () => stage.cluster.restartKubelet(),
};

test(
  "five rounds of faults under 200 requests/s: none fails, the app isn't restarted, the IDE comes back",
  { timeout: 900_000 },
  async (t) => {
    const workspace = await installWorkspace(stage.cluster, {
      release: "faults",
      valuesFiles: [exampleValues("node")],
      values: stage.valuesFor("node", { ide: { resources: { limits: { memory: "1Gi" } } } }),
      readySeconds: 120,
    });
    t.after(() => workspace.uninstall());
    await until("the IDE runs", ideRuns(workspace), { seconds: 60 });
    const app = await workspace.url();
    for (let round = 1; round <= 5; round++) {
      for (const [name, inject] of Object.entries(faults)) {
        const load = startLoad(app, 200);
        const old = new Set(await victims(workspace, name));
        await inject(workspace);
        await until(
          `there is a new process after: ${name}`,
          async () => (await victims(workspace, name)).some((pid) => !old.has(pid)),
          {
            seconds: 90,
          },
        );
        await until(`the IDE is back after: ${name}`, ideRuns(workspace), { seconds: 90 });
        const result = await load.stop();
        assert.ok(result.sent > 100, `${name}: the load saw it`);
        t.diagnostic(`round ${round}, ${name}: ${result.sent} requests, slowest ${Math.round(result.slowest)} ms`);
        assert.equal(result.failed, 0, `${name}: ${JSON.stringify(result.failures)}`);
      }
    }
    assert.equal((await workspace.facts()).restarts["app"], 0);
  },
);
