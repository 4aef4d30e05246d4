import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ideFlags } from "./ide-flags.ts";

const launcher = fileURLToPath(new URL("ide-launcher.sh", import.meta.url));

/** Runs the launcher with a `node` that prints what it was started with. */
async function launched(
  t: { after: (undo: () => Promise<void>) => void },
  args: string[],
  extra: NodeJS.ProcessEnv = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "launch-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const node = join(folder, "node");
  await writeFile(node, `#!/bin/sh\nprintf '%s\\n' "$@"\nenv | sed 's/^/env:/'\n`);
  await chmod(node, 0o755);
  const env = {
    PATH: "/usr/bin:/bin",
    HOME: "/home/dev",
    INPOD_HOME: join(folder, "inpod"),
    INPOD_RELEASE: "cart",
    INPOD_NODE: node,
    ...extra,
  };
  const { stdout } = await promisify(execFile)("/bin/sh", [launcher, ...args], { env });
  return { home: env.INPOD_HOME, lines: stdout.trim().split("\n") };
}

test("the image's launcher starts code-server with the flags of the one list, then the extra ones, then the folder", async (t) => {
  const { home, lines } = await launched(t, ["/workspace", "--verbose"]);
  const argv = lines.filter((line) => !line.startsWith("env:"));
  assert.deepEqual(argv, [
    "/opt/inpod/code-server/out/node/entry.js",
    ...ideFlags({ home, userHome: "/home/dev", release: "cart" }),
    "--verbose",
    "/workspace",
  ]);
});

test("the launcher names the folder of built-in extensions when it is given one", async (t) => {
  const { home, lines } = await launched(t, ["/workspace"], { INPOD_BUILTIN_EXTENSIONS: "/opt/inpod/extensions" });
  const flags = ideFlags({ home, userHome: "/home/dev", release: "cart", builtinExtensions: "/opt/inpod/extensions" });
  assert.deepEqual(lines.slice(1, flags.length + 1), flags);
});

test("what is meant for the app doesn't reach code-server, which would obey it", async (t) => {
  const { lines } = await launched(t, ["/workspace"], { PORT: "3000", PASSWORD: "x", HASHED_PASSWORD: "y" });
  for (const name of ["PORT", "PASSWORD", "HASHED_PASSWORD"])
    assert.ok(!lines.some((line) => line.startsWith(`env:${name}=`)), name);
});

test("code-server listens on a socket alone, which only its user may open, and asks nobody outside", async () => {
  const flags = ideFlags({ home: "/inpod", userHome: "/home/dev", release: "cart" });
  for (const flag of [
    "--socket=/inpod/run/ide.sock",
    "--socket-mode=0660",
    "--auth=none",
    "--disable-telemetry",
    "--disable-update-check",
    "--disable-proxy",
    "--cookie-suffix=cart",
    "--reconnection-grace-time=300",
  ]) {
    assert.ok(flags.includes(flag), flag);
  }
  assert.ok(!flags.some((flag) => flag.startsWith("--bind-addr") || flag.startsWith("--port")));
  assert.match(await readFile(launcher, "utf8"), /^#!\/bin\/sh\n/);
});
