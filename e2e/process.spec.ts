import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace, type Workspace } from "./workspace.ts";

// Process restarts on the kubelet's own back-off: the kubelet never hears of them.

let stage: Stage;
before(async () => {
  stage = await openStage("default");
});
after(() => stage?.close());

/** What `kubectl get events` has, a line each: object, reason and how often. */
async function events(workspace: Workspace): Promise<readonly string[]> {
  const lines = "jsonpath={range .items[*]}{.metadata.name} {.reason} {.count} {.message}{'\\n'}{end}";
  const found = await stage.cluster.kubectl(["-n", workspace.namespace, "get", "events", "-o", lines]);
  return found.split("\n").filter((line) => line !== "");
}

test(
  "30 process restarts in a row, in a scratch image: RESTARTS 0, no event, no back-off",
  { timeout: 240_000 },
  async (t) => {
    const workspace = await installWorkspace(stage.cluster, {
      release: "process",
      // The example without its readiness probe: one that came in those milliseconds would be an event.
      values: stage.valuesFor("go-scratch", {
        app: {
          sourcePath: "/src",
          command: ["/src/bin/server"],
          ports: [{ name: "http", containerPort: 8080 }],
          securityContext: { runAsUser: 65532, readOnlyRootFilesystem: true },
        },
        ide: { toolchains: [] },
      }),
      readySeconds: 180,
    });
    t.after(() => workspace.uninstall());
    const app = await workspace.url();
    const who = async () => (await (await fetch(`${app}/whoami`)).json()) as { pid: number; uid: number };
    const before = await workspace.facts();
    const known = new Set(await events(workspace));
    const pids = new Set([(await who()).pid]);
    for (let i = 0; i < 30; i++) {
      const { code, record, stderr } = await workspace.restart("app");
      assert.equal(code, 0, stderr);
      assert.equal(record.how, "process");
      pids.add((await who()).pid);
    }
    assert.equal(pids.size, 31, "each time another process");
    assert.equal((await who()).uid, 65532);
    assert.deepEqual(await workspace.facts(), before);
    assert.deepEqual(
      (await events(workspace)).filter((line) => !known.has(line)),
      [],
    );
    assert.equal((await workspace.status()).app[0]?.restarts.process, 30);
  },
);

test(
  "an app that crashes is held and told of, and starts with the next request; RESTARTS 0",
  { timeout: 180_000 },
  async (t) => {
    const workspace = await installWorkspace(stage.cluster, {
      release: "hold",
      valuesFiles: [exampleValues("node")],
      values: stage.valuesFor("node", { app: { command: ["node", "server.js"] } }),
    });
    t.after(() => workspace.uninstall());
    const source = (text: string) => workspace.exec("ide", ["sh", "-c", `printf '%s\\n' '${text}' > /app/server.js`]);
    const good = (await workspace.exec("ide", ["cat", "/app/server.js"])).stdout;

    await source('throw new Error("broken on purpose");');
    const broken = await workspace.restart("app");
    assert.equal(broken.code, 1);
    assert.equal(broken.record.outcome, "crashed");
    assert.deepEqual(broken.record.exit, { code: 1, signal: null });
    assert.match(broken.record.log?.join("\n") ?? "", /Error: broken on purpose/);
    assert.equal((await workspace.status()).app[0]?.phase, "crashed");

    await workspace.exec("ide", ["sh", "-c", `printf '%s' "$1" > /app/server.js`, "sh", good]);
    assert.equal((await workspace.restart("app")).code, 0);
    const app = await workspace.url();
    await until("it is served", async () => (await fetch(app)).ok);
    assert.equal((await workspace.facts()).restarts["app"], 0);
  },
);

test("restart.onCrash: exit hands the crash to the kubelet", { timeout: 180_000 }, async (t) => {
  const workspace = await installWorkspace(stage.cluster, {
    release: "exit",
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", { app: { command: ["node", "server.js"] }, restart: { onCrash: "exit" } }),
  });
  t.after(() => workspace.uninstall());
  const { pid } = (await (await fetch(`${await workspace.url()}/whoami`)).json()) as { pid: number };
  assert.equal((await workspace.exec("app", ["node", "-e", `process.kill(${pid}, "SIGKILL")`])).code, 0);
  await until("the kubelet restarts it", async () => (await workspace.facts()).restarts["app"] === 1);
});
