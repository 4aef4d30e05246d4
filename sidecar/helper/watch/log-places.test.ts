import assert from "node:assert/strict";
import { appendFile, mkdir, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openHelper } from "../testing/open-helper.ts";
import type { OpenHelper } from "../testing/open-helper.ts";

interface Line {
  readonly seq: number;
  readonly text: string;
}

const apps = JSON.stringify([{ name: "app", port: 8080, process: true, container: true, threshold: 2 }]);

const read = async (helper: OpenHelper, query = "") => {
  const { body } = await helper.ask({ path: `/-/api/logs${query}`, headers: [["Host", "inpod"]] });
  return (JSON.parse(body) as { lines: Line[] }).lines;
};
const texts = (lines: readonly Line[]) => lines.map(({ text }) => text);

/** What a follower has seen, and how it goes on: by the number of its last line. */
async function follow(helper: OpenHelper) {
  const seen: string[] = [];
  let after: number | undefined;
  return {
    seen,
    async until(count: number) {
      for (let i = 0; i < 300 && seen.length < count; i++) {
        const lines = await read(helper, after === undefined ? "" : `?after=${after}`);
        seen.push(...texts(lines));
        after = lines.at(-1)?.seq ?? after;
        if (seen.length < count) await sleep(10);
      }
    },
  };
}

test("a follower sees no line twice and misses none when the helper is restarted", async (t) => {
  const helper = await openHelper(t, { env: { INPOD_APPS: apps } });
  const log = helper.paths.log("app");
  await mkdir(dirname(log), { recursive: true });
  await appendFile(log, "one\ntwo\nhalf of ");
  const follower = await follow(helper);
  await follower.until(2);
  await helper.restartHelper();
  await appendFile(log, "three\nfour\n");
  await follower.until(4);
  assert.deepEqual(follower.seen, ["one", "two", "half of three", "four"]);
  assert.deepEqual(texts(await read(helper)), ["one", "two", "half of three", "four"], "who comes new gets all of it");
});

test("who waits for more is answered when it comes, or when the time is over", async (t) => {
  const helper = await openHelper(t, { env: { INPOD_APPS: apps } });
  const log = helper.paths.log("app");
  await mkdir(dirname(log), { recursive: true });
  await appendFile(log, "one\n");
  await (await follow(helper)).until(1);
  const after = (await read(helper))[0]?.seq;
  assert.deepEqual(await read(helper, `?after=${after}&wait=20`), []);
  const waiting = read(helper, `?after=${after}&wait=50000`);
  await appendFile(log, "two\n");
  assert.deepEqual(texts(await waiting), ["two"]);
  assert.deepEqual(texts(await read(helper, "?wait=50000")), ["one", "two"], "what is there is not waited for");
});

test("the log turned over while the helper was away: the lines of both files come once", async (t) => {
  const helper = await openHelper(t, { env: { INPOD_APPS: apps } });
  const log = helper.paths.log("app");
  await mkdir(dirname(log), { recursive: true });
  await appendFile(log, "one\n");
  const follower = await follow(helper);
  await follower.until(1);
  await helper.close();
  await appendFile(log, "two\n");
  await rename(log, `${log}.1`);
  await writeFile(log, "three\n");
  await helper.restartHelper();
  await follower.until(3);
  await helper.restartHelper();
  await appendFile(log, "four\n");
  await follower.until(4);
  assert.deepEqual(follower.seen, ["one", "two", "three", "four"]);
});

test("without what was kept, everything is told anew rather than nothing", async (t) => {
  const helper = await openHelper(t, { env: { INPOD_APPS: apps } });
  const log = helper.paths.log("app");
  await mkdir(dirname(log), { recursive: true });
  await appendFile(log, "one\n");
  const follower = await follow(helper);
  await follower.until(1);
  await helper.close();
  await writeFile(`${helper.home}/state/logs.json`, '{"v":1,"next":"soon"}');
  await helper.restartHelper();
  await appendFile(log, "two\n");
  await follower.until(3);
  assert.deepEqual(follower.seen, ["one", "one", "two"]);
});
