import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace } from "./workspace.ts";

// The app shares the pod's network: nothing of the IDE's may answer it there.

let stage: Stage;
before(async () => {
  stage = await openStage("default");
});
after(() => stage?.close());

/** Runs in the app container: tries every listener of the pod and every socket file it can see. */
const look = `
const { readFileSync, readdirSync, lstatSync } = require("fs");
const net = require("net"), http = require("http");
const ports = new Set();
for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) for (const line of readFileSync(file, "utf8").split("\\n").slice(1)) {
  const c = line.trim().split(/\\s+/); if (c[3] === "0A") ports.add(parseInt(c[1].split(":")[1], 16));
}
const abstract = readFileSync("/proc/net/unix", "utf8").split("\\n").map((l) => l.trim().split(/\\s+/)[7]).filter((p) => p && p.startsWith("@"));
const sockets = [];
const walk = (dir, depth) => { let names = []; try { names = readdirSync(dir); } catch { return; }
  for (const name of names) { const path = dir + "/" + name; let s; try { s = lstatSync(path); } catch { continue; }
    if (s.isSocket()) sockets.push(path); else if (s.isDirectory() && depth < 6 && !/^\\/(proc|sys)/.test(path)) walk(path, depth + 1); } };
walk("", 0);
const get = (port, path, method) => new Promise((resolve) => { const r = http.request({ host: "127.0.0.1", port, path, method, timeout: 3000 }, (a) => { a.resume(); resolve(a.statusCode); }); r.on("error", () => resolve(0)); r.on("timeout", () => r.destroy()); r.end(); });
(async () => { const answers = {}; for (const port of ports) answers[port] = { root: await get(port, "/", "GET"), status: await get(port, "/-/api/status", "GET"), restart: await get(port, "/-/api/restart", "POST") };
console.log(JSON.stringify({ answers, abstract, sockets })); })();
`;

test(
  "from the app container no port and no socket of the IDE or of the helper's API answers",
  { timeout: 180_000 },
  async (t) => {
    const workspace = await installWorkspace(stage.cluster, {
      release: "isolation",
      valuesFiles: [exampleValues("node")],
      values: stage.valuesFor("node"),
      readySeconds: 120,
    });
    t.after(() => workspace.uninstall());
    await until("the IDE runs", async () => (await workspace.status()).ide.phase === "running", { seconds: 60 });
    const { code, stdout, stderr } = await workspace.exec("app", ["node", "-e", look]);
    assert.equal(code, 0, stderr);
    const seen: { answers: Record<string, object>; abstract: string[]; sockets: string[] } = JSON.parse(stdout);
    const { 8080: app, 7777: door, 7779: responder, ...others } = seen.answers;
    assert.ok(app !== undefined && responder !== undefined);
    assert.deepEqual(others, {}, "no other port listens in the pod");
    assert.deepEqual(door, { root: 401, status: 401, restart: 401 });
    assert.deepEqual(seen.abstract, []);
    assert.deepEqual(seen.sockets, []);
  },
);

test(
  "the IDE's shell can read neither the login secret nor the helper's state, and nobody has a token",
  { timeout: 180_000 },
  async (t) => {
    const workspace = await installWorkspace(stage.cluster, {
      release: "secrets",
      valuesFiles: [exampleValues("node")],
      values: stage.valuesFor("node"),
      readySeconds: 120,
    });
    t.after(() => workspace.uninstall());
    for (const container of ["ide", "app"]) {
      const { code } = await workspace.exec(container, [
        "node",
        "-e",
        `const { existsSync } = require("fs"); process.exit(["/inpod/secrets", "/inpod/helper", "/var/run/secrets/kubernetes.io"].some(existsSync) ? 1 : 0)`,
      ]);
      assert.equal(code, 0, `${container} sees a secret's folder`);
    }
    const logs = await stage.cluster.kubectl(["-n", workspace.namespace, "logs", workspace.pod, "--all-containers"]);
    assert.ok(!logs.includes(stage.secretPassword));
    const argv = await stage.cluster.kubectl(["-n", workspace.namespace, "get", "pod", workspace.pod, "-o", "yaml"]);
    assert.ok(!argv.includes(stage.secretPassword));
  },
);
