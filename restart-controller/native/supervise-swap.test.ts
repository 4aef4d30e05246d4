import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { buildFixture } from "./fixtures/build.ts";
import { phase, shell, SLEEP, supervise } from "./supervise-kit.ts";
import type { State } from "./supervise-kit.ts";
import { builds, children, exchange, exists, sleep, temporaryDirectory, until } from "./test-kit.ts";

const app = await buildFixture("static-app");

async function freePorts(): Promise<[number, number]> {
  const servers = [createServer().listen(0), createServer().listen(0)];
  const ports: number[] = [];
  for (const server of servers) {
    if (!server.listening) await once(server, "listening");
    const address = server.address();
    ports.push(typeof address === "object" && address !== null ? address.port : 0);
  }
  for (const server of servers) server.close();
  return [ports[0] ?? 0, ports[1] ?? 0];
}

const answering = (port: number) =>
  exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").then(
    (answer) => Number(answer.split("\r\n\r\n")[1]) || undefined,
    () => undefined,
  );

const beside = (name: string) => (state: State) => state.beside?.phase === name;

async function swapping(t: TestContext, kit: string, command: readonly string[], options: readonly string[] = []) {
  const ports = await freePorts();
  const running = await supervise(t, kit, command, ["--swap-port", ports.join(","), ...options]);
  return { ...running, ports };
}

for (const { build, kit } of builds) {
  describe(`kit supervise --swap-port (${build})`, () => {
    test("30 swaps: the new one starts beside the old one on the other port and takes its place, the old one ends", async (t) => {
      const { state, when, ask, pid, ports } = await swapping(t, kit, [app, "{port}"]);
      assert.deepEqual([(await state()).port, (await state()).beside], [ports[0], null]);
      for (let i = 1; i <= 30; i++) {
        const old = await state();
        await ask(`swap id=s${i}`);
        const both = await when("beside", beside("running"));
        assert.deepEqual(
          [both.pid, both.generation, both.port, both.beside?.port, both.lastRequest],
          [old.pid, i, ports[(i + 1) % 2], ports[i % 2], `s${i}`],
        );
        const fresh = await until("its answer", () => answering(ports[i % 2] ?? 0));
        assert.equal(fresh, both.beside?.pid);
        assert.equal(await answering(old.port ?? 0), old.pid);
        await ask(`commit id=c${i}`);
        const after = await when("the old one gone", (s) => s.generation === i + 1 && s.retiring === false);
        assert.deepEqual(
          [after.pid, after.phase, after.port, after.beside, after.lastRestart?.id, exists(old.pid)],
          [fresh, "running", ports[i % 2], null, `s${i}`, false],
        );
      }
      assert.equal((await children(pid)).length, 1);
    });

    test("one that dies beside leaves the present one, and says how; the next one may be better; abort kills it", async (t) => {
      const file = join(await temporaryDirectory(t), "good");
      const script = `[ "$PORT" = "$1" ] || [ -e "$0" ] || { echo broken; exit 3; }; exec sleep 1000`;
      const ports = await freePorts();
      const options = ["--swap-port", ports.join(","), "--swap-env", "PORT"];
      const { state, when, ask, log } = await supervise(t, kit, [...shell(script), file, String(ports[0])], options);
      const { pid } = await state();
      await ask("swap");
      const broken = await when("crashed beside", beside("crashed"));
      assert.deepEqual([broken.pid, broken.phase, broken.generation, broken.beside?.exit], [pid, "running", 1, 3]);
      await until("its words", async () => (await log()).endsWith("── restart 1 ──\nbroken\n"));
      await ask("commit");
      await ask("commit id=heard");
      assert.equal((await when("heard", (s) => s.lastRequest === "heard")).pid, pid, "there's nothing to commit");

      await ask(`stop`);
      await when("stopped", phase("stopped"));
      await ask("swap id=down");
      assert.equal((await when("heard", (s) => s.lastRequest === "down")).beside, null);
      await ask("start");
      await when("running", phase("running"));
    });

    test("abort kills the one beside; the present one stays", async (t) => {
      const { state, when, ask } = await swapping(t, kit, SLEEP);
      const { pid } = await state();
      await ask("swap");
      const both = await when("beside", beside("running"));
      await ask("abort");
      const alone = await when("alone", (s) => s.beside === null && !exists(both.beside?.pid ?? 0));
      assert.deepEqual([alone.pid, alone.phase, alone.crashes], [pid, "running", 0]);
      await ask("swap id=again");
      await when("beside again", beside("running"));
      await ask("swap id=newer");
      const newer = await when("the newest", (s) => s.lastRequest === "newer" && s.beside?.phase === "running");
      assert.ok(exists(newer.beside?.pid ?? 0));
    });

    test("an old one that ignores SIGTERM is killed after the grace with what left its group; the new one's daemon stays", async (t) => {
      const directory = await temporaryDirectory(t);
      const script = `trap "" TERM; (setsid sh -c 'trap "" TERM; echo $$ > "$0"; while :; do sleep 0.05; done' "$0/$PORT" &); while :; do sleep 0.05; done`;
      const { when, ask, ports } = await swapping(
        t,
        kit,
        [...shell(script), directory],
        ["--grace", "200ms", "--swap-env", "PORT"],
      );
      const daemon = (port: number) =>
        until(
          "a daemon",
          async () => Number(await readFile(join(directory, String(port)), "utf8").catch(() => "")) || undefined,
        );
      const old = await daemon(ports[0]);
      await sleep(50); // the kernel tells ages in hundredths of a second
      await ask("swap");
      await when("beside", beside("running"));
      const fresh = await daemon(ports[1]);
      await ask("commit");
      const { lastRestart } = await when("the old one gone", (s) => s.generation === 2 && s.retiring === false);
      assert.notEqual(lastRestart?.stoppedAt, null);
      await until("no old daemon", () => !exists(old));
      assert.ok(exists(fresh));
    });

    test("a restart, and SIGTERM from outside, take the one beside along", async (t) => {
      const { when, ask, ended, process: kit_ } = await swapping(t, kit, SLEEP);
      await ask("swap");
      const both = await when("beside", beside("running"));
      await ask("restart");
      const after = await when("generation 2", (s) => s.generation === 2 && s.phase === "running");
      assert.deepEqual([after.beside, exists(both.beside?.pid ?? 0)], [null, false]);
      await ask("swap");
      const again = await when("beside", beside("running"));
      kit_.kill("SIGTERM");
      assert.equal(await ended, 143);
      assert.equal(exists(again.beside?.pid ?? 0), false);
    });

    test("without --swap-port its verbs are ignored and counted", async (t) => {
      const { when, ask } = await supervise(t, kit, SLEEP);
      for (const verb of ["swap id=a", "commit id=b", "abort id=c"]) await ask(verb);
      const state = await when("counted", (s) => s.ignored === 3);
      assert.deepEqual([state.lastRequest, "beside" in state], [null, false]);
    });
  });
}
