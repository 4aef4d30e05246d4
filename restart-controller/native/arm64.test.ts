import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { arch } from "node:os";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { buildKit } from "./build.ts";
import { buildFixture } from "./fixtures/build.ts";
import { generation, phase, supervise } from "./supervise-kit.ts";
import { exchange, get, run, start, temporaryDirectory, until } from "./test-kit.ts";
import { ensureZig } from "./zig.ts";

const EMULATOR = "qemu-aarch64-static";
const build = join(import.meta.dirname, "build");

/** Why it can't be tried here; otherwise how to run a program for arm64: nothing before it on arm64 itself. */
async function prepare(): Promise<{ prefix: string[]; kit: string; app: string } | string> {
  const prefix = arch() === "arm64" ? [] : [EMULATOR];
  try {
    if (prefix.length > 0) execFileSync(EMULATOR, ["--version"], { stdio: "ignore" });
  } catch {
    return `no ${EMULATOR} here (Debian: apt-get install qemu-user-static)`;
  }
  let cc;
  try {
    cc = await ensureZig("aarch64-linux-musl");
  } catch (error) {
    return `no cross-compiler: ${error instanceof Error ? error.message.slice(0, 200) : String(error)}`;
  }
  return {
    prefix,
    kit: await buildKit({ cc, out: join(build, "kit-arm64") }),
    app: await buildFixture("static-app", { cc, out: join(build, "static-app-arm64") }),
  };
}

describe("the kit for arm64, cross-built", () => {
  let ready: Awaited<ReturnType<typeof prepare>> = "not prepared";
  before(async () => {
    ready = await prepare();
  });

  test("is one static program below 150 KB, for that processor", async (t) => {
    if (typeof ready === "string") return t.skip(ready);
    const elf = await readFile(ready.kit);
    assert.equal(elf.readUInt16LE(18), 183, "EM_AARCH64");
    assert.equal(elf.includes("/lib/ld-"), false, "it asks for no loader");
    assert.ok((await stat(ready.kit)).size < 150_000);
  });

  test("supervises: restarts, the log, an exit code, a held socket", async (t) => {
    if (typeof ready === "string") return t.skip(ready);
    const { prefix, kit, app } = ready;
    const [program, ...before_] = [...prefix, kit];
    const port = await new Promise<number>((resolve) => {
      const server = createServer().listen(0, () => {
        const address = server.address();
        server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
      });
    });
    // No daemons here: the emulator knows no "child subreaper", which is what makes us their parent where we aren't PID 1.
    const command = [...prefix, app, "0"];
    const { when, ask, log } = await supervise(t, program, command, ["--listen", `:${port}`], {}, undefined, before_);
    for (let i = 1; i <= 3; i++) {
      if (i > 1) await ask(`restart id=r${i}`);
      const { pid } = await when(`generation ${i} served`, (s) => generation(i)(s) && s.readyAt !== null);
      const answer = await exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
      assert.equal(answer.split("\r\n\r\n")[1]?.trim(), String(pid));
    }
    assert.equal(await log(), "── restart 1 ──\n── restart 2 ──\n");
    await ask("stop");
    const { lastExit } = await when("stopped", phase("stopped"));
    assert.equal(lastExit?.code, 0);
  });

  test("answers the liveness probe from the file", async (t) => {
    if (typeof ready === "string") return t.skip(ready);
    const file = join(await temporaryDirectory(t), "liveness");
    await writeFile(file, "");
    const [program, ...args] = [...ready.prefix, ready.kit, "live", "--port", "0", `app=${file}`];
    const live = start(t, program, args);
    const port = Number(await until("the port", () => /port (\d+)/.exec(live.err())?.[1]));
    assert.equal((await get(port, "/live/app")).status, 200);
  });

  test("wrong usage is a sentence and exit 2", async (t) => {
    if (typeof ready === "string") return t.skip(ready);
    const [program, ...args] = [...ready.prefix, ready.kit, "supervise", "--grace", "2h", "--", "true"];
    const { code, err } = await run(t, program, args);
    assert.equal(code, 2);
    assert.match(err, /--grace is a time such as 2s or 500ms/);
  });
});
