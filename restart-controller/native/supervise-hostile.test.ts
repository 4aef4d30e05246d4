import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { lstat, mkdir, readFile, rename, rm, symlink, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { generation, phase, shell, SLEEP, supervise } from "./supervise-kit.ts";
import type { State } from "./supervise-kit.ts";
import {
  atEnd,
  builds,
  children,
  exists,
  residentKilobytes,
  sleep,
  start,
  temporaryDirectory,
  until,
} from "./test-kit.ts";

const took = ({ lastRestart }: State) =>
  Date.parse(lastRestart?.stoppedAt ?? "") - Date.parse(lastRestart?.askedAt ?? "");

/** A volume of its own, of that size; undefined, with the test skipped, where none can be mounted. */
async function volume(t: TestContext, size: string): Promise<string | undefined> {
  const path = await temporaryDirectory(t);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "kit-test", path], { stdio: "pipe" });
  } catch (error) {
    t.skip(`a small tmpfs can't be mounted here: ${error instanceof Error ? error.message.trim() : String(error)}`);
    return undefined;
  }
  atEnd(t, () => execFileSync("umount", ["-l", path]));
  return path;
}

/** Fills what is left, as somebody else on the same volume would. */
async function fill(path: string): Promise<void> {
  for (let size = 65_536; size >= 1; size = Math.floor(size / 2)) {
    await writeFile(path, Buffer.alloc(size), { flag: "a" }).catch((error: NodeJS.ErrnoException) =>
      assert.equal(error.code, "ENOSPC"),
    );
  }
}

for (const { build, kit } of builds) {
  describe(`kit supervise, hostile apps (${build})`, () => {
    test("nothing that an app leaves behind outlives a restart: double-forked, in a session of its own, deaf to SIGTERM", async (t) => {
      const file = join(await temporaryDirectory(t), "pids");
      const daemon = `trap "" TERM HUP; (setsid sh -c 'trap "" TERM HUP; echo $$ >> "$0"; while :; do sleep 0.05; done' "$0" &) ; (sh -c 'trap "" TERM; echo $$ >> "$0"; exec sleep 1000' "$0" &)`;
      const { when, ask, pid } = await supervise(
        t,
        kit,
        [...shell(`(${daemon}) ; (${daemon}) & exec sleep 1000`), file],
        ["--grace", "100ms"],
      );
      for (let i = 2; i < 5; i++) {
        const pids = await until("four daemons", async () => {
          const lines = (await readFile(file, "utf8").catch(() => "")).trim().split("\n");
          return lines.length === 4 ? lines.map(Number) : undefined;
        });
        await rm(file);
        await ask("restart");
        await when(`generation ${i}`, generation(i));
        assert.deepEqual(pids.filter(exists), []);
      }
      await ask("stop");
      await when("stopped", phase("stopped"));
      assert.deepEqual(await children(pid), []);
    });

    test("a dead member of the group whose parent left it and never reaps costs the grace, not five seconds", async (t) => {
      const { when, ask } = await supervise(t, kit, shell("(sleep 0.05 & exec setsid sleep 1000) & exec sleep 1000"), [
        "--grace",
        "200ms",
      ]);
      await sleep(300);
      await ask("restart");
      assert.ok(took(await when("generation 2", generation(2))) < 4000);
    });

    test("an app that forks as fast as it can is stopped, and nothing of it is left", async (t) => {
      const script = `i=0; while [ $i -lt 300 ]; do (setsid sleep 1000 &); i=$((i+1)); done; exec sleep 1000`;
      const { when, ask, pid } = await supervise(t, kit, shell(script), ["--grace", "200ms"]);
      await until("many", async () => (await children(pid)).length > 50);
      await ask("stop");
      await when("stopped", phase("stopped"));
      assert.deepEqual(await children(pid), []);
    });

    test("an app that dies at once is started once and held; 200 restarts of it leave no zombie", async (t) => {
      const { state, when, ask, pid } = await supervise(t, kit, shell("exit 1"));
      await when("crashed", phase("crashed"));
      await sleep(300);
      assert.deepEqual([(await state()).generation, (await state()).crashes], [1, 1]);
      for (let i = 2; i <= 200; i++) {
        await ask("restart");
        await when(`generation ${i}`, (s) => s.generation === i && s.phase === "crashed");
      }
      assert.deepEqual(await children(pid), []);
      if (build === "release") assert.ok((await residentKilobytes(pid)) < 1024);
    });

    test("a flood on stdout: memory stays flat, restarts are heard", async (t) => {
      const dir = join(await temporaryDirectory(t), "app");
      const command = `"$0" supervise --dir "$1" --grace 300ms -- yes 0123456789012345678901234567890123456789 > /dev/null & echo $!; wait`;
      const outer = start(t, "/bin/sh", ["-c", command, kit, dir]);
      const pid = Number(await until("its pid", () => outer.out().trim()));
      const state = async (): Promise<State | undefined> =>
        JSON.parse(await readFile(join(dir, "state.json"), "utf8").catch(() => "null"));
      await until("a log", () => lstat(join(dir, "log.1")).catch(() => undefined));
      const before = await residentKilobytes(pid);
      for (let i = 2; i < 6; i++) {
        await sleep(100);
        await writeFile(join(dir, "control"), "restart\n");
        await until(`generation ${i}`, async () => (await state())?.generation === i);
      }
      const after = await residentKilobytes(pid);
      assert.ok(after - before < 256, `${before} KB, then ${after} KB`);
      if (build === "release") assert.ok(after < 1024, `${after} KB`);
      const size = (name: string) =>
        until(name, () => lstat(join(dir, name)).catch(() => undefined)).then((s) => s.size);
      assert.ok((await size("log.1")) + (await size("log")) <= 1_048_576);
    });

    test("a thousand requests at once are one restart, or the one after it", async (t) => {
      const { when, dir } = await supervise(t, kit, SLEEP);
      const lines = Array.from({ length: 1000 }, (_, i) => `restart id=storm${i}\n`);
      await writeFile(join(dir, "control"), lines.join(""));
      const last = await when("the last one", (s) => s.lastRequest === "storm999" && s.phase === "running");
      assert.ok(last.generation === 2 || last.generation === 3, String(last.generation));
      assert.equal(last.ignored, 0);
    });
  });

  describe(`kit supervise, hostile volumes (${build})`, () => {
    test("a full volume: restarts are still told in state.json, whole, and the last words are in the log", async (t) => {
      const path = await volume(t, "256k");
      if (path === undefined) return;
      const { state, when, ask, log } = await supervise(
        t,
        kit,
        shell(`seq 30000; echo "I am $$"; exec sleep 1000`),
        [],
        {},
        join(path, "app"),
      );
      const { pid: first } = await when("generation 1", generation(1));
      await until("the end of it", async () => (await log()).endsWith(`I am ${first}\n`));
      await fill(join(path, "fill"));
      for (let i = 2; i < 12; i++) {
        await ask(`restart id=full${i}`);
        const { pid } = await when(`generation ${i}`, (s) => generation(i)(s) && s.lastRequest === `full${i}`);
        await until("its last words", async () => (await log()).endsWith(`I am ${pid}\n`));
        await fill(join(path, "fill"));
      }
      await rm(join(path, "fill"));
      await ask("restart id=empty");
      await when("generation 12", (s) => generation(12)(s) && s.lastRequest === "empty");
      assert.equal((await state()).v, 1);
    });

    test("a volume that is full from the start: said, and the app runs", async (t) => {
      const path = await volume(t, "64k");
      if (path === undefined) return;
      await mkdir(join(path, "app"));
      await fill(join(path, "fill"));
      const dir = join(path, "app");
      const running = start(t, kit, ["supervise", "--dir", dir, "--", ...shell("echo up; exec sleep 1000")]);
      await until("up", () => running.out() === "up\n");
      await until("the sentence", () => running.err().includes("state.json can't be written: No space left on device"));
      await rm(join(path, "fill"));
      await writeFile(join(dir, "control"), "restart id=room\n");
      await until("state.json", async () =>
        (await readFile(join(dir, "state.json"), "utf8").catch(() => "")).includes('"lastRequest":"room"'),
      );
    });

    test("a read-only volume: said, and the app runs", async (t) => {
      const path = await volume(t, "64k");
      if (path === undefined) return;
      await mkdir(join(path, "app"));
      execFileSync("mount", ["-o", "remount,ro", path]);
      const dir = join(path, "app");
      const running = start(t, kit, ["supervise", "--dir", dir, "--", ...shell("echo up; exec sleep 1000")]);
      await until("up", () => running.out() === "up\n");
      assert.match(
        running.err(),
        /control can't be made, so nothing can be asked of this supervisor: Read-only file system/,
      );
      running.process.kill("SIGTERM");
      assert.equal(await running.ended, 143);
    });

    const kinds: readonly (readonly [string, (path: string, other: string, t: TestContext) => unknown])[] = [
      ["a directory with something in it", (path) => mkdir(path).then(() => writeFile(join(path, "f"), "mine"))],
      ["a link to a file", (path, other) => symlink(other, path)],
      ["a FIFO", (path) => execFileSync("mkfifo", [path])],
      [
        "a socket",
        async (path, _other, t) => {
          const server = createServer().listen(path);
          t.after(() => server.close());
          await once(server, "listening");
        },
      ],
    ];
    for (const [what, make] of kinds)
      test(`${what} in the place of control, state.json and log, before the start and during it`, async (t) => {
        const directory = await temporaryDirectory(t);
        const [dir, other] = [join(directory, "app"), join(directory, "other")];
        await mkdir(dir);
        await writeFile(other, "precious");
        for (const name of ["control", "state.json", ".state.json.new", "log", "log.1"])
          await make(join(dir, name), other, t);
        const { when, ask, log } = await supervise(t, kit, shell("echo hello; exec sleep 1000"), [], {}, dir);
        const hello = async () => (await log().catch(() => "")).endsWith("hello\n");
        await until("a log", hello);
        await ask("restart");
        await when("generation 2", generation(2));
        for (const name of ["state.json", "log"]) {
          await make(join(dir, `${name}.x`), other, t);
          await until("a moment without it", async () => {
            await unlink(join(dir, name)).catch(() => {}); // a directory can't be renamed over a file
            return rename(join(dir, `${name}.x`), join(dir, name)).then(
              () => true,
              () => false,
            );
          });
        }
        await ask("restart");
        await when("generation 3", generation(3));
        await until("a log", hello);
        assert.equal(await readFile(other, "utf8"), "precious");
      });
  });
}
