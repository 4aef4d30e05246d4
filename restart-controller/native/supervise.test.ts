import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFile,
  lstat,
  mkdir,
  open as openFile,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
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
import { generation, phase, shell, SLEEP, supervise } from "./supervise-kit.ts";
import type { State } from "./supervise-kit.ts";

for (const { build, kit } of builds) {
  describe(`kit supervise (${build})`, () => {
    test("a restart request is one new process, told in state.json to the millisecond, and marked in the log", async (t) => {
      const { state, when, ask, log, out } = await supervise(
        t,
        kit,
        shell("echo hello; echo oops >&2; exec sleep 1000"),
      );
      await until("output", async () => (await log()) === "hello\noops\n");
      const first = await state();
      assert.deepEqual(
        { ...first, pid: 0, startedAt: "" },
        {
          v: 1,
          generation: 1,
          pid: 0,
          phase: "running",
          startedAt: "",
          lastExit: null,
          lastRequest: null,
          crashes: 0,
          ignored: 0,
          held: [],
          readyAt: null,
          lastRestart: null,
        },
      );
      const before = Date.now();
      await ask("restart id=one:2.3_4-5");
      const second = await when("generation 2", generation(2));
      assert.notEqual(second.pid, first.pid);
      assert.ok(exists(second.pid));
      assert.equal(exists(first.pid), false);
      assert.deepEqual(
        [second.lastRequest, second.lastRestart?.id, second.lastExit?.signal],
        ["one:2.3_4-5", "one:2.3_4-5", "SIGTERM"],
      );
      const steps = [second.lastRestart?.askedAt, second.lastRestart?.stoppedAt, second.lastRestart?.startedAt].map(
        (at) => Date.parse(at ?? ""),
      );
      assert.ok(
        steps.every((at, i) => at >= (steps[i - 1] ?? before) && at <= Date.now()),
        JSON.stringify(second),
      );
      await until("output again", async () => (await log()) === "hello\noops\n── restart 1 ──\nhello\noops\n");
      assert.equal(out(), "hello\noops\nhello\noops\n");
    });

    test("SIGTERM to the whole group, all of it gone before the next start", async (t) => {
      const file = join(await temporaryDirectory(t), "alive");
      const script = `[ -e "$0" ] && echo overlap; (trap 'sleep 0.2; rm "$0"; exit' TERM; : > "$0"; while :; do sleep 0.01; done) 2>/dev/null & exec sleep 1000`;
      const { when, ask, out } = await supervise(t, kit, [...shell(script), file]);
      for (let i = 2; i < 5; i++) {
        await until("alive", () => lstat(file).catch(() => undefined));
        await ask("restart");
        await when(`generation ${i}`, generation(i));
      }
      assert.equal(out(), "");
    });

    test("what ignores SIGTERM is killed after the grace, not before; `now` doesn't wait", async (t) => {
      const app = shell(`trap "" TERM; while :; do sleep 0.05; done`);
      const { state, when, ask } = await supervise(t, kit, app, ["--grace", "600ms"]);
      const took = ({ lastRestart }: State) =>
        Date.parse(lastRestart?.stoppedAt ?? "") - Date.parse(lastRestart?.askedAt ?? "");
      await sleep(100);
      await ask("restart");
      await when("stopping", phase("stopping"));
      const second = await when("generation 2", generation(2));
      assert.ok(took(second) >= 595 && took(second) < 2000, String(took(second)));
      assert.equal(second.lastExit?.signal, "SIGKILL");
      await sleep(100);
      await ask("restart now");
      assert.ok(took(await when("generation 3", generation(3))) < 500);
      await sleep(100);
      await ask("restart");
      await ask("restart now id=hurry");
      assert.ok(took(await when("generation 4", generation(4))) < 500, "now shortens a stop that is under way");
      assert.equal((await state()).lastRequest, "hurry");
    });

    test("a stopped (SIGSTOP) app can be restarted", async (t) => {
      const { state, when, ask } = await supervise(t, kit, SLEEP);
      process.kill((await state()).pid, "SIGSTOP");
      await ask("restart");
      await when("generation 2", generation(2));
    });

    test("daemons that left the group don't outlive a restart", async (t) => {
      const file = join(await temporaryDirectory(t), "pid");
      const { when, ask } = await supervise(t, kit, [
        ...shell(`setsid sh -c 'trap "" TERM; echo $$ > "$1"; while :; do sleep 0.1; done' sh "$0" & exec sleep 1000`),
        file,
      ]);
      const daemon = Number(await until("the daemon", () => readFile(file, "utf8").catch(() => "")));
      await ask("restart");
      await when("generation 2", generation(2));
      assert.equal(exists(daemon), false);
    });

    test("reaps orphans while the app runs", async (t) => {
      const { pid } = await supervise(t, kit, shell("for i in 1 2 3 4 5; do (sleep 0.0$i &) ; done; exec sleep 1000"));
      await until("only the app is left", async () => (await children(pid)).length === 1);
      await sleep(200);
      const [only] = await children(pid);
      assert.equal(await processState(only ?? 0), "S");
    });

    test("crash hold: exit code and last lines stay to be seen; the next restart starts it", async (t) => {
      const { when, ask, log, pid } = await supervise(t, kit, shell("echo last words; sleep 0.1; exit 3"));
      const crashed = await when("crashed", phase("crashed"));
      assert.deepEqual(
        [crashed.lastExit?.code, crashed.lastExit?.signal, crashed.crashes, crashed.pid],
        [3, null, 1, 0],
      );
      assert.equal(await log(), "last words\n");
      await sleep(300);
      assert.ok(exists(pid));
      await ask("restart id=a");
      await when("generation 2", generation(2));
      const again = await when("crashed again", (s) => s.phase === "crashed" && s.crashes === 2);
      assert.equal(again.generation, 2);
      await ask("start");
      await when("generation 3", (s) => s.generation === 3);
    });

    test("a crash takes the rest of the group with it", async (t) => {
      const file = join(await temporaryDirectory(t), "pid");
      const { when } = await supervise(t, kit, [
        ...shell(`(trap "" TERM; exec sleep 1000) & echo $! > "$0"; sleep 0.1; kill -SEGV $$`),
        file,
      ]);
      const crashed = await when("crashed", phase("crashed"));
      assert.equal(crashed.lastExit?.signal, "SIGSEGV");
      const worker = Number(await readFile(file, "utf8"));
      await until("no worker", () => !exists(worker));
    });

    test("a program that isn't there is a crash with 127 and a sentence", async (t) => {
      const { when, log } = await supervise(t, kit, ["/no/such/app"]);
      assert.equal((await when("crashed", phase("crashed"))).lastExit?.code, 127);
      await until("the sentence", async () => (await log()).includes("/no/such/app can't be started: No such file"));
    });

    for (const [script, code] of [
      ["exit 0", 0],
      ["exit 42", 42],
      ["kill -KILL $$", 137],
      ["kill -SEGV $$", 139],
    ] as const)
      test(`--on-crash exit: "${script}" is exit code ${code}, output whole`, async (t) => {
        const { code: seen, out } = await run(t, kit, [
          "supervise",
          "--dir",
          join(await temporaryDirectory(t), "a"),
          "--on-crash",
          "exit",
          "--",
          ...shell(`echo said; ${script}`),
        ]);
        assert.deepEqual([seen, out], [code, "said\n"]);
      });

    test("SIGTERM from outside: the app's exit code is ours, 128+n for a signal", async (t) => {
      const graceful = await supervise(
        t,
        kit,
        shell(`trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.01; done`),
      );
      await until("up", () => graceful.out() === "up\n");
      graceful.process.kill("SIGTERM");
      assert.equal(await graceful.ended, 7);
      assert.match(graceful.out(), /^up\n(Terminated\n)?bye\n$/); // the shell tells of its sleep
      for (const [signal, code] of [
        ["SIGTERM", 143],
        ["SIGINT", 130],
        ["SIGQUIT", 131],
      ] as const) {
        const plain = await supervise(t, kit, SLEEP);
        plain.process.kill(signal);
        assert.equal(await plain.ended, code);
      }
    });

    test("SIGTERM while held ends at once; during a restart nothing is started any more", async (t) => {
      const held = await supervise(t, kit, shell("exit 5"));
      await held.when("crashed", phase("crashed"));
      held.process.kill("SIGTERM");
      assert.equal(await held.ended, 5);
      const busy = await supervise(t, kit, shell(`trap "" TERM; while :; do sleep 0.05; done`), ["--grace", "400ms"]);
      await sleep(100);
      await busy.ask("restart");
      await busy.when("stopping", phase("stopping"));
      busy.process.kill("SIGTERM");
      assert.equal(await busy.ended, 137);
      assert.equal((await busy.state()).generation, 1);
    });

    test("other signals reach the leader, and only it", async (t) => {
      const script = `for s in HUP USR1 USR2 WINCH CONT; do trap "echo $s" $s; done; (trap "echo child" USR1 HUP; while :; do sleep 0.01; done) & echo up; while :; do sleep 0.01; done`;
      const { process: kit_, out, state } = await supervise(t, kit, shell(script));
      await until("up", () => out() === "up\n");
      await sleep(50);
      let expected = "up\n";
      for (const name of ["USR1", "USR2", "WINCH"] as const) {
        kit_.kill(`SIG${name}`);
        expected += `${name}\n`;
        await until(name, () => out() === expected);
      }
      assert.equal((await state()).phase, "running");
    });

    test("stop, start", async (t) => {
      const { when, ask } = await supervise(t, kit, SLEEP);
      await ask("stop id=s");
      const stopped = await when("stopped", phase("stopped"));
      assert.deepEqual([stopped.pid, stopped.crashes, stopped.lastRequest], [0, 0, "s"]);
      await ask("stop");
      await ask("start");
      await when("generation 2", generation(2));
      await ask("start");
      await ask("garbage");
      assert.equal(
        (await when("ignored", ({ ignored }) => ignored === 1)).generation,
        2,
        "start is nothing to a running app",
      );
    });

    test("requests that come while one is under way are answered by it", async (t) => {
      const { when, ask } = await supervise(t, kit, shell(`trap 'sleep 0.5; exit' TERM; while :; do sleep 0.01; done`));
      await sleep(100);
      for (let i = 0; i < 20; i++) await ask(`restart id=${i}`);
      const after = await when("generation 2", generation(2));
      assert.equal(after.lastRequest, "19");
      await sleep(300);
      assert.equal((await when("still", generation(2))).lastRestart?.id, "19");
    });

    test("200 restarts in a row: each is one generation, every read of state.json is whole", async (t) => {
      const { state, when, ask, pid } = await supervise(t, kit, SLEEP);
      let reading = true;
      const reads = (async () => {
        let count = 0;
        for (; reading; count++) {
          assert.equal((await state()).v, 1);
          await sleep(0);
        }
        return count;
      })();
      const times: number[] = [];
      for (let i = 2; i <= 201; i++) {
        await ask(`restart id=${i}`);
        const { lastRestart } = await when(
          `generation ${i}`,
          (s) => generation(i)(s) && s.lastRestart?.id === String(i),
        );
        times.push(Date.parse(lastRestart?.startedAt ?? "") - Date.parse(lastRestart?.askedAt ?? ""));
      }
      reading = false;
      t.diagnostic(`${await reads} reads; asked to started: median ${times.sort((a, b) => a - b)[100]} ms`);
      assert.equal((await children(pid)).length, 1);
    });

    test("garbage is ignored and counted, and doesn't keep a request from being heard", async (t) => {
      const { when, ask, dir, state } = await supervise(t, kit, SLEEP);
      const lines = [
        "",
        "restarts",
        "RESTART",
        " ",
        "restart please",
        "restart now now",
        "restart id=",
        "restart id=a/b",
        `restart id=${"x".repeat(65)}`,
        "stop now",
        "restart\tnow",
        "restart\r",
        `restart ${"n".repeat(500)}`,
        "start start",
        "restart id=1 id=2",
      ];
      for (const line of lines) await ask(line);
      assert.equal((await when("counted", ({ ignored }) => ignored >= lines.length - 1)).generation, 1);
      await ask(`restart id=${"x".repeat(64)}`);
      await when("generation 2", generation(2));
      assert.equal((await state()).ignored, lines.length - 1, "an empty line is nothing");
      const fifo = await openFile(join(dir, "control"), "w");
      await fifo.write("rest"); // a writer that died in the middle of its line
      await sleep(50);
      await fifo.write("restart id=after");
      await fifo.close();
      assert.equal((await when("generation 3", generation(3))).lastRequest, "after");
    });

    test("1 MB of garbage in the FIFO", async (t) => {
      const { when, ask, dir } = await supervise(t, kit, SLEEP);
      const block = Buffer.alloc(1_000_000);
      for (let i = 0; i < block.length; i++) block[i] = (i * 2654435761) >>> 13;
      await writeFile(join(dir, "control"), block);
      await ask("");
      await ask("restart id=heard");
      const { ignored, generation: n } = await when(
        "heard",
        ({ lastRequest, phase: p }) => lastRequest === "heard" && p === "running",
      );
      assert.ok(ignored > 100);
      assert.equal(n, 2);
    });

    /** Renamed over, so that nobody sees a moment without the name. */
    const over = async (control: string, make: (path: string) => unknown) => {
      await make(`${control}.x`);
      await rename(`${control}.x`, control);
    };
    const replacements: readonly (readonly [
      string,
      (control: string, other: string, pid: number) => Promise<unknown>,
    ])[] = [
      ["deleted", (control) => unlink(control)],
      ["replaced by a file", (control) => over(control, (path) => writeFile(path, "restart\n"))],
      ["replaced by a link to a file", (control, other) => over(control, (path) => symlink(other, path))],
      ["replaced by a dangling link", (control) => over(control, (path) => symlink("/nowhere", path))],
      ["replaced by another FIFO", (control) => over(control, (path) => execFileSync("mkfifo", [path]))],
      [
        "replaced by a directory with something in it",
        // Nothing but a stopped kit leaves the name free long enough.
        async (control, _, pid) => {
          process.kill(pid, "SIGSTOP");
          await unlink(control);
          await mkdir(control);
          await writeFile(join(control, "f"), "");
          process.kill(pid, "SIGCONT");
        },
      ],
    ];
    for (const [what, replace] of replacements)
      test(`the FIFO ${what}: made anew, nothing followed, nothing lost`, async (t) => {
        const { when, dir, ask, pid } = await supervise(t, kit, SLEEP);
        const [control, other] = [join(dir, "control"), join(dir, "../other")];
        await writeFile(other, "precious");
        for (let i = 2; i < 5; i++) {
          await replace(control, other, pid);
          await until("a FIFO", () =>
            lstat(control).then(
              (s) => s.isFIFO(),
              () => false,
            ),
          );
          await sleep(50);
          await ask("restart");
          await when(`generation ${i}`, generation(i));
        }
        assert.equal(await readFile(other, "utf8"), "precious");
        assert.equal((await stat(other)).mode & 0o777, 0o644 & ~process.umask());
      });

    test("the whole directory deleted or moved away: made anew, state, log and all", async (t) => {
      const { when, dir, ask } = await supervise(t, kit, shell("echo hello; exec sleep 1000"));
      for (let i = 2; i < 4; i++) {
        if (i === 2) await rename(dir, `${dir}.old`);
        else await rm(dir, { recursive: true }).catch(() => {}); // it may lose the race for the last name
        await until("a FIFO", () =>
          lstat(join(dir, "control")).then(
            (s) => s.isFIFO(),
            () => false,
          ),
        );
        await ask("restart");
        await when(`generation ${i}`, generation(i));
        await until("a log", () =>
          readFile(join(dir, "log"), "utf8").then(
            (text) => text.includes("hello"),
            () => false,
          ),
        );
      }
    });

    test("links in the place of log, log.1 and state.json are not followed", async (t) => {
      const directory = await temporaryDirectory(t);
      const [dir, other] = [join(directory, "app"), join(directory, "other")];
      await mkdir(dir);
      await writeFile(other, "precious");
      for (const name of ["log", "log.1", "state.json", ".state.json.new"]) await symlink(other, join(dir, name));
      const { when, ask, log } = await supervise(
        t,
        kit,
        shell("echo hello; exec sleep 1000"),
        ["--log-bytes", "4096"],
        {},
        dir,
      );
      for (let i = 2; i < 300; i++) {
        if (i % 50 === 0) await when("there", ({ generation: n }) => n > 1);
        await ask("restart now");
        await sleep(1);
      }
      await until("a log", async () => (await log()).includes("hello"));
      assert.equal(await readFile(other, "utf8"), "precious");
      assert.ok((await lstat(join(dir, "state.json"))).isFile());
    });

    test("a deleted log comes back", async (t) => {
      const { dir, ask, log } = await supervise(t, kit, shell("echo hello; exec sleep 1000"));
      await until("output", async () => (await log()) === "hello\n");
      await unlink(join(dir, "log"));
      await until("a new log", () =>
        log()
          .catch(() => undefined)
          .then((text) => text !== undefined),
      );
      await ask("restart");
      await until("output", async () => (await log()).includes("hello"));
    });

    test("generations go on over container restarts", async (t) => {
      const first = await supervise(t, kit, SLEEP);
      await first.ask("restart");
      await first.when("generation 2", generation(2));
      first.process.kill("SIGKILL");
      await first.ended;
      const second = await supervise(t, kit, SLEEP, [], {}, first.dir);
      await second.when("generation 3", (s) => s.generation === 3 && s.pid !== 0 && s.lastRestart === null);
      assert.match(await second.log(), /── restart 1 ──\n── restart 2 ──\n/);
    });

    test("killed -9 it takes the app with it", async (t) => {
      const { process: kit_, state } = await supervise(t, kit, SLEEP);
      const { pid } = await state();
      kit_.kill("SIGKILL");
      await until("no app", () => !exists(pid));
    });

    test("8 MB of output: all of it on stdout in order, the log is its end and bounded", async (t) => {
      const script = `const line = (i) => String(i).padStart(15, "0") + "\\n"; for (let i = 0; i < 524288; i += 1024) { let s = ""; for (let j = i; j < i + 1024; j++) s += line(j); require("fs").writeSync(1 + (i / 1024) % 2, s); }`;
      const dir = join(await temporaryDirectory(t), "app");
      const running = start(t, kit, [
        "supervise",
        "--dir",
        dir,
        "--on-crash",
        "exit",
        "--",
        process.execPath,
        "-e",
        script,
      ]);
      assert.equal(await running.ended, 0);
      const hash = createHash("sha256");
      for (let i = 0; i < 524_288; i++) hash.update(`${String(i).padStart(15, "0")}\n`);
      assert.equal(createHash("sha256").update(running.out()).digest("hex"), hash.digest("hex"));
      const [old, current] = [await readFile(join(dir, "log.1"), "utf8"), await readFile(join(dir, "log"), "utf8")];
      assert.ok(old.length + current.length <= 1_048_576);
      assert.ok(old.length + current.length >= 524_288);
      assert.ok(running.out().endsWith(old + current));
    });

    test("a reader of stdout that takes nothing: the app is restarted all the same, and the log has it all", async (t) => {
      const script = `yes "$(seq -s, 100)" | head -c 300000; echo end of $$; exec sleep 1000`;
      const running = await supervise(t, kit, shell(script), ["--grace", "200ms"], {
        stdio: ["ignore", "pipe", "pipe"],
      });
      running.process.stdout?.pause();
      for (let i = 2; i < 5; i++) {
        await until("end", async () => (await running.log()).includes(`end of ${(await running.state()).pid}\n`));
        await running.ask("restart");
        await running.when(`generation ${i}`, generation(i));
      }
      running.process.stdout?.resume();
      await until("the note", () => /── \d+ bytes not shown here, see the log ──\n/.test(running.out()));
    });

    test("a slow reader loses nothing", async (t) => {
      const script = `i=0; while [ $i -lt 20000 ]; do echo "line $i"; i=$((i+1)); done`;
      const dir = join(await temporaryDirectory(t), "app");
      const running = start(t, "/bin/sh", [
        "-c",
        `"$0" supervise --dir "$1" --on-crash exit -- /bin/sh -c "$2" | while read -r line; do echo "$line"; done`,
        kit,
        dir,
        script,
      ]);
      await running.ended;
      assert.equal(running.out().split("\n").length, 20_001);
    });

    test("stdout closed by its reader: the app goes on", async (t) => {
      const {
        process: kit_,
        when,
        ask,
        log,
      } = await supervise(t, kit, shell("while :; do echo tick; sleep 0.01; done"));
      kit_.stdout?.destroy();
      await until("ticks", async () => (await log()).split("\n").length > 30);
      await ask("restart");
      await when("generation 2", generation(2));
    });

    test("stdin is the app's", async (t) => {
      const { code, out } = await run(t, kit, ["supervise", "--on-crash", "exit", "--", "cat"], {
        input: "line\n".repeat(10_000),
      });
      assert.deepEqual([code, out], [0, "line\n".repeat(10_000)]);
    });

    // A shell that runs one command becomes it (bash) or waits for it (dash): the kit leads its group or it doesn't.
    for (const [where, prefix] of [
      ["on a terminal", "exec "],
      ["on a terminal under a shell", ": ; "],
    ] as const) {
      test(`${where} the app can read it, and Ctrl-C reaches it`, async (t) => {
        const command = `'${kit}' supervise --on-crash exit -- sh -c 'read line; echo "got $line"; read more; echo never'`;
        const running = start(t, "env", [
          "SHELL=/bin/sh",
          "script",
          "-qec",
          `${prefix}${command}; exit $?`,
          "/dev/null",
        ]);
        await sleep(300);
        running.process.stdin?.write("words\n");
        await until("got", () => running.out().includes("got words"));
        running.process.stdin?.write("\x03");
        await until("the end", () => running.process.exitCode);
        assert.equal(await running.ended, 130);
        assert.ok(!running.out().includes("never"));
      });
    }

    test("without --dir nothing but the app: its stdout and stderr are ours", async (t) => {
      const directory = await temporaryDirectory(t);
      const { code, out, err } = await run(
        t,
        kit,
        ["supervise", "--on-crash=exit", "--", ...shell("echo out; echo err >&2; exit 9")],
        { cwd: directory },
      );
      assert.deepEqual([code, out, err], [9, "out\n", "err\n"]);
      assert.deepEqual(await readdir(directory), []);
    });

    test("a DIR that can't be used is said; the app runs", async (t) => {
      const file = join(await temporaryDirectory(t), "file");
      await writeFile(file, "");
      const { code, out, err } = await run(t, kit, [
        "supervise",
        "--dir",
        join(file, "app"),
        "--on-crash",
        "exit",
        "--",
        ...shell("echo out; exit 4"),
      ]);
      assert.deepEqual([code, out], [4, "out\n"]);
      assert.match(err, /file\/app can't be used, so there is no control, state or log: Not a directory/);
    });

    test("as a real PID 1", async (t) => {
      if ((await run(t, "unshare", ["-pf", "--mount-proc", "true"])).code !== 0) {
        t.skip("a PID namespace needs root");
        return;
      }
      const dir = join(await temporaryDirectory(t), "app");
      const outer = start(t, "unshare", [
        "-pf",
        "--mount-proc",
        kit,
        "supervise",
        "--dir",
        dir,
        "--",
        ...shell(`(sleep 0.05 &); trap 'exit 6' TERM; while :; do sleep 0.01; done`),
      ]);
      const text = () => readFile(join(dir, "state.json"), "utf8").catch(() => "");
      await until("running", async () => (await text()).includes('"phase":"running"'));
      await sleep(100);
      await appendFile(join(dir, "control"), "restart\n");
      await until("generation 2", async () => (await text()).includes('"generation":2,'));
      await sleep(100);
      process.kill((await children(outer.pid))[0] ?? 0, "SIGTERM");
      assert.equal(await outer.ended, 6);
    });

    if (build === "release")
      test("idle it never wakes, and stays below 1 MB", async (t) => {
        const { pid } = await supervise(t, kit, SLEEP);
        await sleep(300);
        const switches = async () =>
          /^voluntary_ctxt_switches:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
        const before = await switches();
        await sleep(3000);
        assert.equal(await switches(), before);
        const used = await residentKilobytes(pid);
        t.diagnostic(`${used} KB`);
        assert.ok(used < 1024);
      });
  });
}
