import assert from "node:assert/strict";
import { appendFile, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLogLines } from "./log-lines.ts";
import { createLogTail } from "./log-tail.ts";

async function follow(t: TestContext, before?: (file: string) => Promise<void>) {
  const folder = join(await mkdtemp(join(tmpdir(), "inpod-tail-")), "app");
  const file = join(folder, "log");
  if (before !== undefined) {
    await mkdir(folder);
    await before(file);
  }
  const lines: string[] = [];
  const tail = createLogTail(file, (line) => lines.push(line));
  t.after(async () => {
    await tail.close();
    await rm(join(folder, ".."), { recursive: true });
  });
  const until = async (count: number) => {
    const giveUp = Date.now() + 5000;
    while (lines.length < count && Date.now() < giveUp) await sleep(5);
    assert.ok(lines.length >= count, `${lines.length} of ${count} lines`);
  };
  return { folder, file, lines, tail, until };
}

test("what was there is read, older file first, then what comes", async (t) => {
  const { file, lines, until } = await follow(t, async (log) => {
    await writeFile(`${log}.1`, "one\ntw");
    await writeFile(log, "o\nthree\n");
  });
  await until(3);
  await appendFile(file, "fo");
  await appendFile(file, "ur\nfive\n");
  await until(5);
  assert.deepEqual(lines, ["one", "two", "three", "four", "five"]);
});

test("a folder and a file that come later are followed", async (t) => {
  const { folder, file, lines, until } = await follow(t);
  await sleep(50);
  await mkdir(folder);
  await sleep(20);
  await appendFile(file, "late\n");
  await until(1);
  assert.deepEqual(lines, ["late"]);
});

test("no line is lost or doubled by rotations in the middle of lines", async (t) => {
  const { file, lines, until } = await follow(t, (log) => writeFile(log, ""));
  const expected = Array.from({ length: 3000 }, (_, i) => `line ${i} ${"x".repeat(i % 90)}`);
  const text = expected.join("\n") + "\n";
  let size = 0;
  for (let at = 0; at < text.length; at += 777) {
    const piece = text.slice(at, at + 777);
    await appendFile(file, piece);
    size += piece.length;
    if (size > 40_000) {
      await rename(file, `${file}.1`);
      await writeFile(file, "");
      size = 0;
      // A reader that is a whole ring behind has lost lines; this one gets a moment, as the real ring of 1 MiB gives it.
      await sleep(30);
    }
  }
  await until(expected.length);
  const differs = expected.findIndex((line, i) => line !== lines[i]);
  assert.equal(differs, -1, `line ${differs} is ${lines[differs]}`);
  assert.equal(lines.length, expected.length);
});

test("characters cut by a read are whole; CR ends are dropped", async (t) => {
  const { file, lines, until } = await follow(t, (log) => writeFile(log, ""));
  const bytes = Buffer.from("grüße €\r\n");
  for (const byte of bytes) {
    await appendFile(file, Buffer.from([byte]));
    await sleep(2);
  }
  await until(1);
  assert.deepEqual(lines, ["grüße €"]);
});

test("a line without end doesn't grow in memory", async (t) => {
  const { file, lines, until } = await follow(t, (log) => writeFile(log, ""));
  for (let i = 0; i < 20; i++) await appendFile(file, "y".repeat(10_000));
  await appendFile(file, "\nnext\n");
  await until(2);
  assert.ok(lines[0]?.startsWith("yyy"));
  assert.equal(lines.at(-1), "next");
  assert.ok(lines.length === 2, String(lines.length));
});

test("a file emptied in place is read anew", async (t) => {
  const { file, lines, until } = await follow(t, (log) => writeFile(log, "old\nolder\n"));
  await until(2);
  await writeFile(file, "");
  await sleep(1200);
  await appendFile(file, "new\n");
  await until(3);
  assert.equal(lines.at(-1), "new");
});

test("kept lines are bounded by count, by size and by length; numbers grow", () => {
  const kept = createLogLines(100);
  for (let i = 0; i < 5000; i++) kept.add("app", `line ${i}`);
  const all = kept.read({ limit: 10_000 });
  assert.equal(all.length, 2000);
  assert.equal(all.at(-1)?.seq, 5099);
  assert.deepEqual(
    kept.read({ after: 5098, limit: 10 }).map(({ text }) => text),
    ["line 4999"],
  );
  assert.equal(kept.read({ limit: 3 }).length, 3);
  assert.deepEqual(kept.last("app", 1), ["line 4999"]);
  assert.deepEqual(kept.read({ app: "other", limit: 10 }), []);
  for (let i = 0; i < 2000; i++) kept.add("app", "z".repeat(10_000));
  const chars = kept.read({ limit: 10_000 }).reduce((sum, { text }) => sum + text.length, 0);
  assert.ok(chars <= 1024 * 1024 + 5000, String(chars));
  assert.match(kept.read({ limit: 1 })[0]?.text ?? "", /^z{4096} … \(10000 characters\)$/);
});

test("a reader from before the helper's restart gets what there is", () => {
  const kept = createLogLines(100);
  kept.add("app", "first");
  assert.equal(kept.read({ after: 5_000_000, limit: 10 }).length, 1);
});

test("the last lines are the present process's: the ones before the marker are another's", () => {
  const kept = createLogLines(100);
  for (const text of ["old", "── restart 3 ──", "a ── restart 4 ──", "boom"]) kept.add("app", text);
  kept.add("other", "── restart 1 ──");
  assert.deepEqual(kept.last("app", 50), ["a ── restart 4 ──", "boom"]);
  assert.deepEqual(kept.last("app", 1), ["boom"]);
});

test("caught up means that what had been written is known, however much it is", async (t) => {
  const { file, lines, tail } = await follow(t, (log) => writeFile(log, "first\n"));
  await appendFile(file, "more\n".repeat(40_000));
  await tail.caughtUp();
  assert.equal(lines.length, 40_001);
});
