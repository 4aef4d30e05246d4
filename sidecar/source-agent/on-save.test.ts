import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { cp, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openPod, type Pod, serverOf } from "./testing/open-pod.ts";

// A real supervisor, helper and agent: what is saved is what serves.

const onSave = { INPOD_RESTART_ON_SAVE: "true" };
const minute = { timeout: 120_000 };
/** The app reads what it says from a folder of its own, so that the folder can be moved about. */
const main = `import { createServer } from "node:http";
import { readFileSync } from "node:fs";
let text = "gone";
try { text = readFileSync("lib/text", "utf8"); } catch {}
createServer((request, response) => response.end(text)).listen(Number(process.env.PORT), "127.0.0.1");
`;

/** A burst, and how many restarts it cost. */
async function burst(pod: Pod, work: () => Promise<unknown>, version: string): Promise<number> {
  const before = (await pod.settled()).length;
  await work();
  await pod.serves(version);
  const count = (await pod.settled()).length - before;
  assert.equal(await pod.answer(), version, "and goes on being served");
  return count;
}

async function openWithFolder(t: Parameters<typeof openPod>[0], git = false): Promise<Pod> {
  const pod = await openPod(t, { env: onSave, git: false });
  await mkdir(join(pod.root, "lib"));
  await pod.put("lib/text", "zero");
  await pod.put("server.mjs", main);
  await pod.serves("zero");
  if (git) {
    pod.git("init", "-q", "-b", "main");
    pod.git("add", "-A");
    pod.git("commit", "-qm", "zero");
  }
  return pod;
}

describe("on save, the right code is served after two restarts at most", () => {
  test("written, renamed over, its folder moved away and back or replaced", minute, async (t) => {
    const pod = await openWithFolder(t);
    const file = join(pod.root, "lib/text");
    for (let i = 0; i < 2; i++) {
      assert.ok((await burst(pod, () => writeFile(file, `written ${i}`), `written ${i}`)) <= 2);
      const over = async () => {
        await writeFile(`${file}.tmp`, `renamed ${i}`);
        await rename(`${file}.tmp`, file);
      };
      assert.ok((await burst(pod, over, `renamed ${i}`)) <= 2);
      const away = async () => {
        await rename(join(pod.root, "lib"), join(pod.home, "away"));
        await writeFile(join(pod.home, "away/text"), `back ${i}`);
        await rename(join(pod.home, "away"), join(pod.root, "lib"));
      };
      assert.ok((await burst(pod, away, `back ${i}`)) <= 2);
      const replaced = async () => {
        await cp(join(pod.root, "lib"), join(pod.home, "fresh"), { recursive: true });
        await writeFile(join(pod.home, "fresh/text"), `replaced ${i}`);
        await rename(join(pod.root, "lib"), join(pod.home, "old"));
        await rename(join(pod.home, "fresh"), join(pod.root, "lib"));
        await rm(join(pod.home, "old"), { recursive: true });
      };
      assert.ok((await burst(pod, replaced, `replaced ${i}`)) <= 2);
    }
    const records = await pod.restarts();
    assert.ok(records.every(({ origin }) => origin === "save"));
  });

  test("the whole source moved away and back", minute, async (t) => {
    const pod = await openWithFolder(t);
    const away = `${pod.root}-away`;
    const moved = async () => {
      await rename(pod.root, away);
      await writeFile(join(away, "lib/text"), "moved");
      await rename(away, pod.root);
    };
    assert.ok((await burst(pod, moved, "moved")) <= 2);
    assert.ok((await burst(pod, () => pod.put("lib/text", "after"), "after")) <= 2);
  });

  test("git checkout of 500 files, and a copy of 500 without git", minute, async (t) => {
    const pod = await openWithFolder(t, true);
    const write = async (version: string) => {
      await mkdir(join(pod.root, "many/deep"), { recursive: true });
      for (let i = 0; i < 500; i++) await pod.put(`many/deep/${i}.js`, `// ${version}\n`.repeat(50));
      await pod.put("lib/text", version);
    };
    pod.git("checkout", "-qb", "many");
    await write("many");
    await pod.serves("many");
    pod.git("add", "-A");
    pod.git("commit", "-qm", "many");
    for (let i = 0; i < 2; i++) {
      assert.ok((await burst(pod, async () => pod.git("checkout", "-q", "main"), "zero")) <= 2);
      assert.ok((await burst(pod, async () => pod.git("checkout", "-q", "many"), "many")) <= 2);
    }
    assert.ok((await burst(pod, () => write("copied"), "copied")) <= 2);
  });

  test("while git holds its lock nothing restarts", minute, async (t) => {
    const pod = await openWithFolder(t, true);
    const before = (await pod.settled()).length;
    await writeFile(join(pod.root, ".git/index.lock"), "");
    await pod.put("lib/text", "half");
    await sleep(500);
    assert.equal((await pod.restarts()).length, before);
    await pod.put("lib/text", "whole");
    await rm(join(pod.root, ".git/index.lock"));
    await pod.serves("whole");
    assert.equal((await pod.settled()).length, before + 1);
  });

  test("saves that fall into the restart of another save, at every moment of it", { timeout: 120_000 }, async (t) => {
    const pod = await openWithFolder(t);
    for (let i = 0; i < 15; i++) {
      await pod.put("lib/text", `first ${i}`);
      await sleep(i * 5);
      await pod.put("lib/text", `second ${i}`);
      await pod.serves(`second ${i}`);
    }
  });
});

describe("on save", () => {
  test("a crash and its fix: the fix is served by the save alone", minute, async (t) => {
    const pod = await openPod(t, { env: onSave });
    await pod.put("server.mjs", "throw new Error('broken');\n");
    await pod.until("it has crashed", async () => (await pod.status()).app[0]?.phase === "crashed");
    await pod.put("server.mjs", serverOf("fixed"));
    await pod.serves("fixed");
  });

  test(
    "hold and release: nothing restarts, then once; a killed agent and a killed helper remember",
    minute,
    async (t) => {
      const pod = await openPod(t, { env: onSave });
      assert.equal((await pod.type("restart", "app", "--hold")).code, 0);
      assert.match((await pod.type("inpod", "status")).out, /on save: held/);
      const before = (await pod.settled()).length;
      await pod.put("server.mjs", serverOf("held"));
      await sleep(300);
      assert.equal(await pod.answer(), "first");
      pod.programs.agent.kill("SIGKILL");
      pod.programs.helper.kill("SIGKILL");
      pod.startHelper();
      pod.startAgent();
      const heldAgain = async () => (await pod.status()).source.agent?.watching === "events";
      await pod.until("both are back", heldAgain);
      assert.equal((await pod.status()).source.agent?.held, true);
      await pod.put("server.mjs", serverOf("released"));
      await sleep(300);
      assert.equal((await pod.restarts()).length, before);
      const { code, said } = await pod.type("restart", "app", "--release");
      assert.equal(code, 0, said);
      await pod.serves("released");
      assert.equal((await pod.settled()).length, before + 1);
      assert.equal(existsSync(pod.paths.saveHeld), false);
    },
  );

  test(
    "what was saved while the agent was dead is served when it is back; without a save nothing restarts",
    minute,
    async (t) => {
      const pod = await openPod(t, { env: onSave });
      assert.deepEqual(await pod.settled(), []);
      pod.programs.agent.kill("SIGKILL");
      await pod.put("server.mjs", serverOf("missed"));
      pod.startAgent();
      await pod.serves("missed");
    },
  );

  test("a helper that is killed between two saves is waited for", minute, async (t) => {
    const pod = await openPod(t, { env: onSave });
    await pod.put("server.mjs", serverOf("one"));
    await pod.serves("one");
    await pod.settled();
    pod.programs.helper.kill("SIGKILL");
    await pod.put("server.mjs", serverOf("two"));
    await sleep(200);
    pod.startHelper();
    await pod.serves("two");
  });

  test("without restart.onSave a save restarts nothing, and there is nothing to hold", minute, async (t) => {
    const pod = await openPod(t);
    await pod.put("server.mjs", serverOf("saved"));
    await sleep(300);
    assert.equal(await pod.answer(), "first");
    const { code, said } = await pod.type("restart", "--hold");
    assert.equal(code, 4);
    assert.match(said, /restart\.onSave/);
  });
});
