import assert from "node:assert/strict";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { openPod, type Pod, serverOf } from "./testing/open-pod.ts";

// A real supervisor, helper, agent and git.

const minute = { timeout: 120_000 };

/** Restarts, and waits until it is known what it ran. */
async function restart(pod: Pod, ...more: string[]): Promise<number> {
  const { code, said, out } = await pod.type("restart", "app", ...more);
  assert.equal(code, 0, said + out);
  return pod.until("it is remembered", async () => {
    const last = (await pod.restarts()).at(-1);
    return last?.outcome === "served" ? last.ran?.n : undefined;
  });
}

describe("every restart remembers what it ran", () => {
  test(
    "the list has number, outcome and change; the diff is against the present files; index and HEAD stay",
    minute,
    async (t) => {
      const pod = await openPod(t, { git: true });
      const head = pod.git("rev-parse", "HEAD");
      await pod.put("server.mjs", serverOf("one"));
      await pod.put("new.js", "a\nb\n");
      const one = await restart(pod);
      await pod.put("server.mjs", serverOf("two"));
      const two = await restart(pod);
      assert.equal(two, one + 1);
      const { out } = await pod.type("inpod", "restarts");
      assert.match(out, new RegExp(`^ +${two}  \\S+Z  app: process restart served in .*; 1 file \\+1 -1$`, "m"));
      await rm(join(pod.root, "new.js"));
      const diff = await pod.type("inpod", "diff", String(one));
      assert.equal(diff.code, 0);
      assert.match(diff.out, /^-.*"one"/m);
      assert.match(diff.out, /^\+.*"two"/m);
      assert.match(diff.out, /deleted file/);
      assert.match((await pod.type("inpod", "diff", String(two))).out, /new\.js/);
      assert.equal(pod.git("rev-parse", "HEAD"), head);
      assert.equal(pod.git("diff", "--cached", "--name-only"), "");
      assert.equal(pod.git("stash", "list"), "");
    },
  );

  test("--to N serves what served then, and the files before it can be had back the same way", minute, async (t) => {
    const pod = await openPod(t, { git: true });
    await pod.put("server.mjs", serverOf("good"));
    const good = await restart(pod);
    await pod.put("server.mjs", serverOf("bad"));
    await pod.put("more.js", "more");
    await restart(pod);
    await pod.put("server.mjs", serverOf("never restarted"));
    const { code, said } = await pod.type("restart", "app", "--to", String(good));
    assert.equal(code, 0, said);
    assert.equal(await pod.answer(), "good");
    assert.equal(await pod.read("more.js"), null);
    const undo = /restart --to (\d+)/.exec(said)?.[1];
    assert.ok(undo !== undefined, said);
    assert.equal((await pod.type("restart", "app", "--to", undo)).code, 0);
    assert.equal(await pod.answer(), "never restarted");
    assert.equal(await pod.read("more.js"), "more");
  });

  test("a number that isn't kept is refused with those that are; nothing changes", minute, async (t) => {
    const pod = await openPod(t, { git: true });
    await pod.put("server.mjs", serverOf("one"));
    await restart(pod);
    await pod.put("server.mjs", serverOf("two"));
    const before = (await pod.restarts()).length;
    for (const words of [
      ["restart", "app", "--to", "77"],
      ["inpod", "diff", "77"],
    ]) {
      const { code, said } = await pod.type(...words);
      assert.equal(code, 4);
      assert.match(said, /77 is not kept[\s\S]*kept are 1 to 1/);
    }
    assert.equal(await pod.answer(), "one");
    assert.equal((await pod.restarts()).length, before);
  });

  test(
    "without a repository: a sentence and exit 4; restarts go on as ever; after git init they are remembered",
    minute,
    async (t) => {
      const pod = await openPod(t);
      await pod.put("server.mjs", serverOf("one"));
      assert.equal((await pod.type("restart")).code, 0);
      for (const words of [
        ["restart", "--to", "1"],
        ["inpod", "diff", "1"],
      ]) {
        const { code, said } = await pod.type(...words);
        assert.equal(code, 4, said);
        assert.match(said, /not a git repository[\s\S]*git init/);
      }
      assert.match((await pod.type("inpod", "restarts")).out, /^ +- /m);
      pod.git("init", "-q");
      await restart(pod);
    },
  );

  test("a repository that git can't use doesn't hold a restart up", minute, async (t) => {
    const pod = await openPod(t);
    await writeFile(join(pod.root, ".git"), "gitdir: /nowhere\n");
    await pod.put("server.mjs", serverOf("anyway"));
    assert.equal((await pod.type("restart")).code, 0);
    assert.equal(await pod.answer(), "anyway");
    await pod.until("it is said", async () => pod.output().includes("isn't remembered"));
  });

  test("with a build, a failed one is no restart; on save is remembered too", minute, async (t) => {
    const pod = await openPod(t, {
      git: true,
      env: { INPOD_RESTART_BUILD: "! grep -q BROKEN server.mjs", INPOD_RESTART_ON_SAVE: "true" },
    });
    await pod.put("server.mjs", serverOf("saved"));
    await pod.serves("saved");
    const known = async () => (await pod.restarts()).findLast(({ outcome }) => outcome === "served")?.ran?.n;
    const n = await pod.until("it is remembered", known);
    await pod.put("server.mjs", "BROKEN");
    await pod.until("the build has failed", async () => (await pod.restarts()).at(-1)?.build?.ok === false);
    assert.equal(pod.git("for-each-ref", "--format=%(refname)", "refs/inpod").trim(), `refs/inpod/restarts/${n}`);
    await pod.put("server.mjs", serverOf("mended"));
    await pod.serves("mended");
    assert.equal(await pod.until("it is remembered", async () => ((await known()) ?? 0) > n), true);
  });
});
