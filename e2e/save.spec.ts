import assert from "node:assert/strict";
import { readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { RestartRecord } from "@inpod/sidecar/protocol";
import { containerProcesses } from "./container-processes.ts";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace, type Workspace } from "./workspace.ts";

// On save, the build gate and what a restart ran, across the containers of a real pod: the app writes nothing of this, the IDE's volume is
// another mount of the same source.

let stage: Stage;
before(async () => {
  stage = await openStage("dev");
});
after(() => stage?.close());

/** The app's source as this machine reaches it: written from outside, events must still arrive in the IDE container. */
async function sourceOf(workspace: Workspace, path: string): Promise<string> {
  const [first] = await containerProcesses((await workspace.facts()).containerIds["app"] ?? "");
  assert.ok(first !== undefined, "the app runs");
  return `/proc/${first.pid}/root${path}`;
}

const restartsOf = async (workspace: Workspace): Promise<readonly RestartRecord[]> => {
  const { stdout } = await workspace.exec("ide", ["inpod", "restarts", "--json"]);
  return (JSON.parse(stdout) as { restarts: RestartRecord[] }).restarts;
};

async function serves(url: string, text: string): Promise<void> {
  const answer = async () => (await (await fetch(url)).text()).includes(text);
  await until(`"${text}" is served`, answer, { seconds: 20, every: 20 });
}

/** How many restarts a burst of changes cost, when it has come to rest. */
async function burst(workspace: Workspace, url: string, work: () => Promise<unknown>, text: string): Promise<number> {
  const before = (await restartsOf(workspace)).length;
  await work();
  await serves(url, text);
  await sleep(1500);
  await serves(url, text);
  return (await restartsOf(workspace)).length - before;
}

const onSave = { app: { command: ["node", "server.js"] }, restart: { onSave: true } };

test(
  "saves of every kind: the right code is served, two restarts a burst, no container restart",
  { timeout: 600_000 },
  async (t) => {
    const workspace = await installWorkspace(stage.cluster, {
      release: "save",
      valuesFiles: [exampleValues("node")],
      values: stage.valuesFor("node", onSave),
    });
    t.after(() => workspace.uninstall());
    const url = await workspace.url();
    const source = await sourceOf(workspace, "/app");
    const file = join(source, "server.js");
    const original = await readFile(file, "utf8");
    const version = (name: string) => original.replace("Hello from the pod", `Hello from ${name}`);
    await until("saves are watched", async () => (await workspace.status()).source.agent?.watching === "events");

    for (let i = 0; i < 20; i++) {
      await writeFile(file, version(`write ${i}`));
      await serves(url, `write ${i}`);
      await writeFile(`${file}.tmp`, version(`rename ${i}`));
      await rename(`${file}.tmp`, file);
      await serves(url, `rename ${i}`);
    }

    // 500 files by git in the IDE container, as a branch would.
    const git = async (...args: string[]) => {
      const who = ["-c", "user.name=me", "-c", "user.email=me@example.com"];
      const { code, stderr } = await workspace.exec("ide", ["git", "-C", "/app", ...who, ...args]);
      assert.equal(code, 0, stderr);
    };
    await git("init", "--quiet", "--initial-branch=main");
    await git("add", "--all");
    await git("commit", "--quiet", "--message=main");
    await git("checkout", "--quiet", "-b", "many");
    // Written by the IDE's user: git could not take away what belongs to another.
    const fill = "mkdir /app/many && for i in $(seq 500); do seq $i $((i + 40)) > /app/many/$i.js; done";
    assert.equal((await workspace.exec("ide", ["sh", "-c", fill])).code, 0);
    await writeFile(file, version("many"));
    await serves(url, "many");
    await git("add", "--all");
    await git("commit", "--quiet", "--message=many");
    assert.ok((await burst(workspace, url, () => git("checkout", "--quiet", "main"), "rename 19")) <= 2);
    assert.ok((await burst(workspace, url, () => git("checkout", "--quiet", "many"), "Hello from many")) <= 2);

    // What served then comes back by its number.
    const known = async () => (await restartsOf(workspace)).at(-1)?.ran?.n;
    const good = await until("the restart is remembered", known);
    await writeFile(file, version("a mistake"));
    await serves(url, "a mistake");
    const { code, stderr } = await workspace.exec("ide", ["restart", "app", "--to", String(good)]);
    assert.equal(code, 0, stderr);
    await serves(url, "Hello from many");
    assert.match((await workspace.exec("ide", ["inpod", "diff", String(good)])).stderr, /nothing has changed/);
    assert.equal((await workspace.facts()).restarts["app"], 0);
  },
);

test(
  "the build gate: restart app alone builds; what doesn't compile never replaces what serves",
  { timeout: 600_000 },
  async (t) => {
    const workspace = await installWorkspace(stage.cluster, {
      release: "gate",
      valuesFiles: [exampleValues("go-scratch")],
      values: stage.valuesFor("go-scratch"),
    });
    t.after(() => workspace.uninstall());
    const url = await workspace.url();
    const file = join(await sourceOf(workspace, "/src"), "main.go");
    const original = await readFile(file, "utf8");

    await writeFile(file, `${original}\nfunc broken() { return nope }\n`);
    const failed = await workspace.exec("ide", ["restart", "app", "--json"]);
    assert.equal(failed.code, 1, failed.stderr);
    const record = JSON.parse(failed.stdout) as RestartRecord;
    assert.equal(record.outcome, "refused");
    assert.equal(record.build?.problems?.[0]?.file, "main.go");
    await serves(url, "Hello from a scratch image");
    assert.equal((await workspace.facts()).restarts["app"], 0);

    await writeFile(file, original.replace("Hello from a scratch image", "Hello from a build"));
    const built = await workspace.exec("ide", ["restart", "app", "--timeout", "60s"]);
    assert.equal(built.code, 0, built.stderr);
    assert.match(built.stdout, /built/);
    await serves(url, "Hello from a build");
  },
);
