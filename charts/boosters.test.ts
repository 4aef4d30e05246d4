import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { chart } from "./render.ts";

// files/node-flush.cjs as the chart gives it to an app: by NODE_OPTIONS, beside NODE_COMPILE_CACHE.

async function start(t: TestContext, text: string) {
  const folder = await mkdtemp(join(tmpdir(), "node-flush-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  await writeFile(join(folder, "part.cjs"), "module.exports = () => 1;\n");
  await writeFile(join(folder, "app.cjs"), text);
  const cache = join(folder, "cache");
  const env = {
    PATH: process.env["PATH"],
    NODE_COMPILE_CACHE: cache,
    NODE_OPTIONS: `--require=${join(chart, "files/node-flush.cjs")}`,
  };
  const child = spawn(process.execPath, [join(folder, "app.cjs")], { env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => (said += part));
  const written = async () =>
    (await readdir(cache, { recursive: true, withFileTypes: true })).filter((e) => e.isFile());
  return { child, written, said: () => said };
}

test("a Node app that is killed has left its compile cache", async (t) => {
  const { child, written } = await start(t, `require("./part.cjs"); setInterval(() => {}, 1000);`);
  for (let i = 0; i < 600 && (await written().catch(() => [])).length < 2; i++) await sleep(50);
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok((await written()).length >= 2, "the app and its module");
});

test("it keeps no app alive, says nothing, and a worker thread takes it too", async (t) => {
  const worker = `new (require("node:worker_threads").Worker)(require.resolve("./part.cjs"))`;
  const { child, said } = await start(t, `${worker}.once("exit", (code) => console.log("worker", code));`);
  const [code] = (await once(child, "close")) as [number | null];
  assert.deepEqual([code, said()], [0, "worker 0\n"]);
});
