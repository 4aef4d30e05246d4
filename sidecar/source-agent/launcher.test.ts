import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { agentFlags } from "./node-flags.ts";

const launcher = fileURLToPath(new URL("../image/source-agent", import.meta.url));

/** Starts the launcher with a `node` that writes down how it was called. */
async function launch(t: TestContext, env: Record<string, string>) {
  const home = await mkdtemp(join(tmpdir(), "inpod-launcher-"));
  const source = join(home, "source");
  await mkdir(source);
  await writeFile(
    join(home, "node"),
    `#!/bin/sh\necho "$@" > ${home}/called.new && mv ${home}/called.new ${home}/called\n`,
    { mode: 0o755 },
  );
  // `sleep` is made short: what is tested is what it waits for.
  await writeFile(join(home, "sleep"), `#!/bin/sh\necho >> ${home}/waits\nexec /bin/sleep 0.02\n`, { mode: 0o755 });
  const child = spawn(launcher, [], {
    env: { PATH: `${home}:/usr/bin:/bin`, INPOD_NODE: join(home, "node"), INPOD_SOURCE_PATH: source, ...env },
    stdio: "ignore",
  });
  t.after(async () => {
    child.kill("SIGKILL");
    await rm(home, { recursive: true, force: true, maxRetries: 5 });
  });
  const read = (name: string) => readFile(join(home, name), "utf8").catch(() => "");
  const until = async (name: string, length: number) => {
    for (let i = 0; i < 500 && (await read(name)).length < length; i++) await sleep(10);
    return read(name);
  };
  return { source, read, until };
}

const call = `${[...agentFlags, "/opt/inpod/source-agent.mjs"].join(" ")}\n`;

test("with on save or a build the agent starts at once, with its flags", async (t) => {
  for (const env of [{ INPOD_RESTART_ON_SAVE: "true" }, { INPOD_RESTART_BUILD: "make" }])
    assert.equal(await (await launch(t, env)).until("called", 1), call);
});

test("without, a shell waits until the source is a git repository", async (t) => {
  const { source, read, until } = await launch(t, {});
  await until("waits", 3);
  assert.equal(await read("called"), "");
  await mkdir(join(source, ".git"));
  assert.equal(await until("called", 1), call);
});
