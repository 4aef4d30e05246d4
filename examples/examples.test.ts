import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";
import { parse } from "yaml";

const run = promisify(execFile);
const folder = fileURLToPath(new URL(".", import.meta.url));

describe("examples/node", () => {
  test("starts, answers its three routes, and ends on SIGTERM", async () => {
    await answersAndEnds(process.execPath, ["server.js"], join(folder, "node"), "Hello from the pod.\n");
  });
});

describe("examples/go-scratch", () => {
  test("builds statically, starts, answers its three routes, and ends on SIGTERM", { timeout: 180_000 }, async (t) => {
    const version = await run("go", ["version"]).catch(() => undefined);
    if (version === undefined) return t.skip("no Go compiler on the PATH");
    const out = await mkdtemp(join(tmpdir(), "go-"));
    t.after(() => rm(out, { recursive: true, force: true }));
    const program = join(out, "server");
    const env = { ...process.env, CGO_ENABLED: "0", GOTOOLCHAIN: "local", GOWORK: "off" };
    await run("go", ["build", "-trimpath", "-o", program, "."], { cwd: join(folder, "go-scratch"), env });
    const elf = await readFile(program);
    // PT_INTERP names a dynamic loader, which a scratch image doesn't have.
    assert.ok(!elf.includes("ld-linux"), "no dynamic loader");
    await answersAndEnds(program, [], join(folder, "go-scratch"), "Hello from a scratch image.\n");
  });
});

describe("examples/python", () => {
  test("starts, answers its three routes, and ends on SIGTERM", async (t) => {
    if ((await run("python3", ["--version"]).catch(() => undefined)) === undefined) return t.skip("no Python here");
    await answersAndEnds("python3", ["app.py"], join(folder, "python"), "Hello from Python.\n");
  });
});

describe("examples/java", () => {
  test("compiles, starts, answers its three routes, and ends on SIGTERM", { timeout: 60_000 }, async (t) => {
    if ((await run("javac", ["-version"]).catch(() => undefined)) === undefined) return t.skip("no JDK here");
    const out = await mkdtemp(join(tmpdir(), "java-"));
    t.after(() => rm(out, { recursive: true, force: true }));
    await run("javac", ["-d", out, "Main.java"], { cwd: join(folder, "java") });
    await answersAndEnds("java", ["-cp", out, "Main"], join(folder, "java"), "Hello from Java.\n");
  });
});

test("every example has a Dockerfile, values for the chart and a page of text", async () => {
  const examples = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  assert.ok(examples.length >= 5);
  for (const { name } of examples) {
    const dockerfile = await readFile(join(folder, name, "Dockerfile"), "utf8");
    const values = parse(await readFile(join(folder, name, "values.yaml"), "utf8")) as { app: { sourcePath: string } };
    const page = await readFile(join(folder, name, "README.md"), "utf8");
    assert.ok(
      dockerfile.includes(`WORKDIR ${values.app.sourcePath}\n`),
      `${name}: the image keeps its source at app.sourcePath`,
    );
    assert.match(dockerfile, /^USER [1-9]\d*:[1-9]\d*$/m, `${name}: runs as a numbered user, not root`);
    assert.match(page, new RegExp(`examples/${name}/values.yaml`));
    // The app's Service has the release's name.
    const release = /^helm install (\S+) /m.exec(page)?.[1] ?? "";
    for (const [, host] of page.matchAll(/http:\/\/([^:/\s]+):8080/g)) assert.equal(host, release, `${name}: README`);
    assert.match(page, new RegExp(`http://${release}:8080/`));
  }
});

async function answersAndEnds(program: string, args: string[], cwd: string, greeting: string): Promise<void> {
  const port = await freePort();
  const child = spawn(program, args, {
    cwd,
    env: { ...process.env, PORT: String(port), HOST: "127.0.0.1" },
    stdio: "ignore",
  });
  try {
    const base = `http://127.0.0.1:${port}`;
    assert.equal(await answer(child, `${base}/`), greeting);
    assert.equal(await answer(child, `${base}/healthz`), "ok\n");
    const who = JSON.parse(await answer(child, `${base}/whoami`)) as { pid: number; startedAt: string };
    assert.equal(who.pid, child.pid);
    assert.ok(Math.abs(Date.now() - Date.parse(who.startedAt)) < 60_000);
    assert.equal((await fetch(`${base}/nothing`)).status, 404);
    const ended = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
    child.kill("SIGTERM");
    assert.deepEqual(await ended, { code: 0, signal: null });
  } finally {
    child.kill("SIGKILL");
  }
}

async function answer(child: ChildProcess, url: string): Promise<string> {
  for (let i = 0; ; i++) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (i > 100 || child.exitCode !== null) throw error;
      await sleep(50);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}
