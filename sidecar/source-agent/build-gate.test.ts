import assert from "node:assert/strict";
import { request } from "node:http";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { ApiEvent } from "../protocol/index.ts";
import { openPod } from "./testing/open-pod.ts";

// A real supervisor, helper and agent; the "compiler" copies a file and complains like go.

const minute = { timeout: 120_000 };
const build = `echo run >> builds; if grep -q BROKEN source.txt; then echo './source.txt:3:5: undefined: BROKEN' >&2; exit 2; fi
sleep "$(cat slow 2>/dev/null || echo 0)"; mkdir -p dist && cp source.txt dist/text`;
const server = `import { createServer } from "node:http";
import { readFileSync } from "node:fs";
const text = readFileSync("dist/text", "utf8");
createServer((request, response) => response.end(text)).listen(Number(process.env.PORT), "127.0.0.1");
`;

async function openBuilt(t: Parameters<typeof openPod>[0], env: Record<string, string> = {}) {
  const pod = await openPod(t, {
    env: { INPOD_RESTART_BUILD: build, INPOD_RESTART_IGNORE: '["builds"]', ...env },
    files: { "source.txt": "zero", slow: "0" },
  });
  await pod.put("server.mjs", server);
  assert.equal((await pod.type("restart", "app")).code, 0, pod.output());
  assert.equal(await pod.answer(), "zero");
  const builds = async () => ((await pod.read("builds")) ?? "").split("run").length - 1;
  return { ...pod, builds };
}

describe("the build runs before a requested restart", () => {
  test("restart app alone builds, and its time is in the split", minute, async (t) => {
    const pod = await openBuilt(t);
    await pod.put("source.txt", "one");
    const { code, out } = await pod.type("restart", "app");
    assert.equal(code, 0);
    assert.match(out, /built \d+ m?s → /);
    assert.equal(await pod.answer(), "one");
    const last = (await pod.restarts()).at(-1);
    assert.equal(last?.build?.ok, true);
    assert.ok((last.started ?? 0) >= (last.build.took ?? Infinity), "it counts from the request, the build included");
  });

  test(
    "it fails: the old process goes on serving, exit 1, the compiler's words, an event with the problems",
    minute,
    async (t) => {
      const pod = await openBuilt(t);
      const events: ApiEvent[] = [];
      const stream = request(
        { socketPath: pod.paths.apiSocket, path: "/-/api/events", headers: { host: "inpod" }, agent: false },
        (answer) => {
          let text = "";
          answer.setEncoding("utf8").on("data", (chunk: string) => {
            text += chunk;
            for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
              const found = /^event: restart\ndata: (.*)$/m.exec(text.slice(0, end));
              if (found !== null) events.push({ type: "restart", ...JSON.parse(found[1] ?? "") });
              text = text.slice(end + 2);
            }
          });
        },
      );
      stream.on("error", () => {});
      stream.end();
      t.after(() => stream.destroy());
      await sleep(100);
      const before = await pod.status();
      await pod.put("source.txt", "BROKEN");
      const { code, out, said } = await pod.type("restart", "app");
      assert.equal(code, 1);
      assert.match(out, /the build failed: the old process goes on serving/);
      assert.match(said, /source\.txt:3:5: undefined: BROKEN/);
      assert.equal(await pod.answer(), "zero");
      assert.equal((await pod.status()).app[0]?.pid, before.app[0]?.pid);
      const told = await pod.until("the event", async () =>
        events.find((event) => event.type === "restart" && event.restart.build?.ok === false),
      );
      assert.ok(told.type === "restart" && told.restart.outcome === "refused");
      assert.deepEqual(told.restart.build?.problems, [
        { file: "source.txt", line: 3, column: 5, severity: "error", message: "undefined: BROKEN" },
      ]);
      const json = JSON.parse((await pod.type("restart", "app", "--json")).out);
      assert.equal(json.outcome, "refused");
      assert.equal(json.build.problems.length, 1);
    },
  );

  test("a newer request ends the build under way and shares the next; both are answered by it", minute, async (t) => {
    const pod = await openBuilt(t);
    await pod.put("slow", "30");
    await pod.put("source.txt", "old");
    const first = pod.type("restart", "app", "--json");
    const ran = await pod.builds();
    await pod.until("the first build runs", async () => (await pod.builds()) > ran);
    await pod.put("source.txt", "new");
    await pod.put("slow", "0");
    const second = await pod.type("restart", "app", "--json");
    assert.equal(second.code, 0, second.said);
    assert.equal((await first).code, 0);
    assert.equal(await pod.answer(), "new");
    const one = JSON.parse((await first).out);
    const two = JSON.parse(second.out);
    assert.equal(two.merged, one.id);
    assert.equal((await pod.builds()) - ran, 2);
  });

  test("called off, its processes are ended and the old process serves", minute, async (t) => {
    const pod = await openBuilt(t);
    await pod.put("slow", "301");
    const { id } = await pod.client.restart({ app: "app" });
    const sleeps = () => childrenOf(["sleep", "301", ""].join("\0"));
    await pod.until("the build sleeps", async () => (await sleeps()).length > 0);
    assert.equal((await pod.client.cancel(id)).outcome, "refused");
    await pod.until("its processes are gone", async () => (await sleeps()).length === 0);
    await assert.rejects(pod.client.cancel(id), /isn't waiting for a build/);
    assert.equal(await pod.answer(), "zero");
    await pod.put("slow", "0");
    assert.equal((await pod.type("restart", "app")).code, 0);
  });

  test("Ctrl-C ends the build: nobody waits for it any more", minute, async (t) => {
    const pod = await openBuilt(t);
    await pod.put("slow", "302");
    const sleeps = () => childrenOf(["sleep", "302", ""].join("\0"));
    const stop = new AbortController();
    const asked = pod.typeUntil(stop.signal, "restart", "app");
    await pod.until("the build sleeps", async () => (await sleeps()).length > 0);
    stop.abort();
    assert.equal((await asked).code, 1);
    await pod.until("its processes are gone", async () => (await sleeps()).length === 0);
    assert.match((await pod.restarts()).at(-1)?.message ?? "", /called off/);
    assert.equal(await pod.answer(), "zero");
  });

  test("the agent dies during the build: it is asked again", minute, async (t) => {
    const pod = await openBuilt(t);
    await pod.put("slow", "3");
    await pod.put("source.txt", "survives");
    const ran = await pod.builds();
    const asked = pod.type("restart", "app");
    await pod.until("the build runs", async () => (await pod.builds()) > ran);
    await pod.put("slow", "0");
    pod.programs.agent.kill("SIGKILL");
    await sleep(300);
    pod.startAgent();
    assert.equal((await asked).code, 0);
    assert.equal(await pod.answer(), "survives");
  });

  test("the helper dies during the build: who waits is told", minute, async (t) => {
    const pod = await openBuilt(t);
    await pod.put("slow", "5");
    const ran = await pod.builds();
    const asked = pod.type("restart", "app");
    await pod.until("the build runs", async () => (await pod.builds()) > ran);
    pod.programs.helper.kill("SIGKILL");
    await sleep(200);
    pod.startHelper();
    const { code, out } = await asked;
    assert.equal(code, 4);
    assert.match(out, /restarted during the build: ask again/);
    assert.equal(await pod.answer(), "zero");
  });

  test(
    "a build that takes too long, and one that can't be started, are failures with their reason",
    minute,
    async (t) => {
      const late = await openBuilt(t, { INPOD_RESTART_BUILD_TIMEOUT: "1" });
      await late.put("slow", "60");
      assert.match((await late.type("restart")).out, /took longer than 1 s/);
      const none = await openPod(t, { env: { INPOD_RESTART_BUILD: '["no-such-compiler", "-x"]' } });
      const { code, out } = await none.type("restart");
      assert.equal(code, 1);
      assert.match(out, /"no-such-compiler"/);
      assert.equal(await none.answer(), "first");
    },
  );
});

describe("build and on save together", () => {
  test(
    "a save builds and restarts; a broken save keeps the old; its fix serves; the build's own output starts nothing",
    minute,
    async (t) => {
      const pod = await openBuilt(t, { INPOD_RESTART_ON_SAVE: "true" });
      await pod.settled();
      await pod.put("source.txt", "saved");
      await pod.serves("saved");
      const before = await pod.settled();
      await sleep(300);
      assert.equal((await pod.restarts()).length, before.length, "dist/ is not watched");
      await pod.put("source.txt", "BROKEN");
      await pod.until("the failure is known", async () => (await pod.restarts()).at(-1)?.build?.ok === false);
      assert.equal(await pod.answer(), "saved");
      await pod.put("source.txt", "fixed");
      await pod.serves("fixed");
    },
  );

  test("a save during the build is in what serves in the end", minute, async (t) => {
    const pod = await openBuilt(t, { INPOD_RESTART_ON_SAVE: "true" });
    await pod.settled();
    await pod.put("slow", "0.3");
    await pod.settled();
    for (let i = 0; i < 6; i++) {
      await pod.put("source.txt", `early ${i}`);
      await sleep(60 * i);
      await pod.put("source.txt", `late ${i}`);
      await pod.serves(`late ${i}`);
    }
    await pod.settled();
    assert.equal(await pod.answer(), "late 5");
  });
});

async function childrenOf(command: string): Promise<string[]> {
  const found: string[] = [];
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    if ((await readFile(join("/proc", pid, "cmdline"), "utf8").catch(() => "")) === command) found.push(pid);
  }
  return found;
}
