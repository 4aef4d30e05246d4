import assert from "node:assert/strict";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import {
  builds,
  children,
  exists,
  processState,
  residentKilobytes,
  run,
  sleep,
  start,
  temporaryDirectory,
  until,
} from "./test-kit.ts";

/** A command that writes its pid to `file` and then does `script`. */
const command = (file: string, script: string) => ["/bin/sh", "-c", `echo $$ >> "$0"; ${script}`, file];

const initialise = (t: TestContext, kit: string, options: readonly string[], ...commands: readonly string[][]) =>
  start(t, kit, ["init", ...options, ...commands.flatMap((words) => ["--"].concat(words))]);

async function pids(file: string): Promise<number[]> {
  const text = await readFile(file, "utf8").catch(() => "");
  return text.trim().split("\n").filter(Boolean).map(Number);
}

const nthPid = (file: string, n: number) => until(`start ${n} of ${file}`, async () => (await pids(file))[n - 1]);

async function cgroup(t: TestContext, version: 1 | 2) {
  const root = await temporaryDirectory(t);
  const directory = version === 2 ? root : join(root, "memory");
  const prefix = version === 2 ? "" : "total_";
  const names =
    version === 2
      ? (["memory.max", "memory.current"] as const)
      : (["memory.limit_in_bytes", "memory.usage_in_bytes"] as const);
  await mkdir(directory, { recursive: true });
  const put = async (name: string, text: string) => {
    await writeFile(join(directory, `${name}.new`), text);
    await rename(join(directory, `${name}.new`), join(directory, name));
  };
  const set = async (limit: string, used: number, inactive: number) => {
    await put(names[0], `${limit}\n`);
    await put("memory.stat", `anon 1\ninactive_file_not 7\n${prefix}inactive_file ${inactive}\nactive_file 3\n`);
    await put(names[1], `${used}\n`);
  };
  return { root, set };
}

for (const { build, kit } of builds) {
  describe(`kit init (${build})`, { concurrency: 4 }, () => {
    test("runs each command in a group of its own and restarts only the one that ended", async (t) => {
      const directory = await temporaryDirectory(t);
      const [a, b] = [join(directory, "a"), join(directory, "b")];
      start(t, kit, ["init", "--", ...command(a, "exec sleep 1000"), "--", ...command(b, "exec sleep 1000")]);
      const [first, other] = [await nthPid(a, 1), await nthPid(b, 1)];
      const group = (await readFile(`/proc/${first}/stat`, "utf8")).split(" ")[4];
      assert.equal(Number(group), first);
      for (let i = 0; i < 5; i++) {
        process.kill(await nthPid(a, i + 1), "SIGKILL");
        await nthPid(a, i + 2);
      }
      assert.deepEqual(await pids(b), [other]);
      assert.ok(exists(other));
    });

    test("at once the first time, then 0.1, 0.2, 0.4 s", async (t) => {
      const directory = await temporaryDirectory(t);
      const file = join(directory, "a");
      start(t, kit, ["init", "--", "/bin/sh", "-c", `date +%s%3N >> "$0"`, file]);
      await nthPid(file, 5);
      const at = await pids(file);
      const gaps = at.slice(1).map((time, i) => time - (at[i] ?? 0));
      for (const [i, least] of [0, 100, 200, 400].entries()) {
        const gap = gaps[i] ?? 0;
        assert.ok(gap >= least && gap < least + 1000, gaps.join(" "));
      }
    });

    test("what a command leaves in its group is gone before it starts again", async (t) => {
      const directory = await temporaryDirectory(t);
      const [file, leftover] = [join(directory, "a"), join(directory, "leftover")];
      const script = `(trap "" TERM; echo $$ > /dev/null; exec sleep 1000) & echo $! >> "${leftover}"; exec sleep 1000`;
      start(t, kit, ["init", "--", ...command(file, script)]);
      const old = await nthPid(leftover, 1);
      process.kill(await nthPid(file, 1), "SIGKILL");
      await nthPid(file, 2);
      await until("no leftover", () => !exists(old));
    });

    test("reaps orphans: no zombie stays", async (t) => {
      const init = start(t, kit, [
        "init",
        "--",
        "/bin/sh",
        "-c",
        "for i in 1 2 3 4 5; do (sleep 0.0$i &) ; done; exec sleep 1000",
      ]);
      await until("only the command is left", async () => {
        const left = await children(init.pid);
        return left.length === 1;
      });
      await sleep(300);
      const [only] = await children(init.pid);
      assert.equal(await processState(only ?? 0), "S");
    });

    test("a command that isn't there is said and tried again; the others run", async (t) => {
      const file = join(await temporaryDirectory(t), "a");
      const init = start(t, kit, ["init", "--", "/no/such/program", "--", ...command(file, "exec sleep 1000")]);
      await nthPid(file, 1);
      await until("two attempts", () => init.err().split("/no/such/program can't be started: No such file").length > 2);
      assert.match(init.err(), /\/no\/such\/program \(pid \d+\) ended with exit code 127/);
    });

    test("SIGTERM: forwarded, at most the grace, then SIGKILL; nothing is left, not even a daemon", async (t) => {
      const directory = await temporaryDirectory(t);
      const [nice, stubborn, daemon] = ["nice", "stubborn", "daemon"].map((name) => join(directory, name)) as [
        string,
        string,
        string,
      ];
      const init = initialise(
        t,
        kit,
        ["--grace", "500ms"],
        command(nice, `trap 'echo bye >> "$0.bye"; exit 0' TERM; while :; do sleep 0.01; done`),
        ["/bin/sh", "-c", `trap "" TERM; echo $$ >> "$0"; while :; do sleep 1; done`, stubborn],
        ["/bin/sh", "-c", `setsid sh -c 'echo $$ >> "'"$0"'"; exec sleep 1000' & exec sleep 1000`, daemon],
      );
      const all = [await nthPid(nice, 1), await nthPid(stubborn, 1), await nthPid(daemon, 1)];
      await sleep(100);
      const before = Date.now();
      init.process.kill("SIGTERM");
      assert.equal(await init.ended, 0);
      assert.ok(Date.now() - before >= 450);
      assert.equal(await readFile(`${nice}.bye`, "utf8"), "bye\n");
      for (const pid of all) await until("gone", () => !exists(pid));
    });

    test("a quick end needs no grace, and no other signal ends it", async (t) => {
      const file = join(await temporaryDirectory(t), "a");
      const init = start(t, kit, ["init", "--", ...command(file, "exec sleep 1000")]);
      await nthPid(file, 1);
      for (const signal of ["SIGHUP", "SIGUSR1", "SIGUSR2", "SIGQUIT", "SIGPIPE", "SIGALRM"] as const)
        init.process.kill(signal);
      await sleep(200);
      assert.equal((await pids(file)).length, 1);
      const before = Date.now();
      init.process.kill("SIGINT");
      assert.equal(await init.ended, 0);
      assert.ok(Date.now() - before < 1500);
    });

    test("--umask is the commands'; signals are as they were", async (t) => {
      const file = join(await temporaryDirectory(t), "a");
      const init = start(t, kit, [
        "init",
        "--umask",
        "0002",
        "--",
        "/bin/sh",
        "-c",
        `{ umask; grep SigBlk /proc/self/status; } > "$0"; exec sleep 1000`,
        file,
      ]);
      await until("the file", () =>
        readFile(file, "utf8").then(
          (text) => text.includes("SigBlk"),
          () => false,
        ),
      );
      assert.match(await readFile(file, "utf8"), /^0002\nSigBlk:\s+0000000000000000\n$/);
      assert.ok(exists(init.pid));
    });

    for (const version of [1, 2] as const)
      test(`the guard restarts the first command before the limit is reached (cgroup v${version})`, async (t) => {
        const directory = await temporaryDirectory(t);
        const [a, b] = [join(directory, "a"), join(directory, "b")];
        const { root, set } = await cgroup(t, version);
        await set("1000000000", 990_000_000, 500_000_000); // half of it is cache: no danger
        const init = initialise(
          t,
          kit,
          ["--guard", "95", "--cgroup", root],
          ["/bin/sh", "-c", `trap "" TERM; echo $$ >> "$0"; while :; do sleep 0.1; done`, a],
          command(b, "exec sleep 1000"),
        );
        const first = await nthPid(a, 1);
        await sleep(2500);
        assert.deepEqual(await pids(a), [first]);
        await set("1000000000", 990_000_000, 1_000_000);
        await nthPid(a, 2);
        assert.match(
          init.err(),
          /memory is at 98 % of the container's limit \(the guard is set to 95 %\): restarting \/bin\/sh/,
        );
        await sleep(1500);
        assert.equal((await pids(a)).length, 2, "one restart, then a rest: memory takes a while to come back");
        assert.equal((await pids(b)).length, 1);
      });

    test("no limit: the guard says so and does nothing", async (t) => {
      const file = join(await temporaryDirectory(t), "a");
      const { root, set } = await cgroup(t, 2);
      await set("max", 990_000_000, 0);
      const init = start(t, kit, [
        "init",
        "--guard",
        "95",
        "--cgroup",
        root,
        "--",
        ...command(file, "exec sleep 1000"),
      ]);
      await sleep(2500);
      assert.match(init.err(), /no memory limit: the guard waits for one/);
      assert.equal((await pids(file)).length, 1);
    });

    test("as a real PID 1: the kernel drops unhandled signals there, and orphans are its own", async (t) => {
      const file = join(await temporaryDirectory(t), "a");
      if ((await run(t, "unshare", ["-pf", "--mount-proc", "true"])).code !== 0) {
        t.skip("a PID namespace needs root");
        return;
      }
      const script = `"$0" init --grace 300ms -- /bin/sh -c 'echo x >> "$1"; (sleep 0.05 &); exec sleep 1000' sh "$1"`;
      const outer = start(t, "unshare", ["-pf", "--mount-proc", "/bin/sh", "-c", `exec ${script}`, kit, file]);
      await until("started", () => readFile(file, "utf8").catch(() => ""));
      const init = await until("init", async () => (await children(outer.pid))[0]);
      await sleep(200);
      assert.equal((await children(init)).length, 1, "the orphan was reaped");
      process.kill(init, "SIGTERM");
      assert.equal(await outer.ended, 0);
    });

    if (build === "release")
      test("stays below 1 MB", async (t) => {
        const init = start(t, kit, ["init", "--guard", "95", "--", "sleep", "1000"]);
        await sleep(300);
        const used = await residentKilobytes(init.pid);
        t.diagnostic(`${used} KB`);
        assert.ok(used < 1024);
      });
  });
}
