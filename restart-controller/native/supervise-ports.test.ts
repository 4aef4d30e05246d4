import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { describe, test } from "node:test";
import { buildFixture } from "./fixtures/build.ts";
import { generation, phase, shell, SLEEP, supervise } from "./supervise-kit.ts";
import type { State } from "./supervise-kit.ts";
import { builds, exchange, get, open, residentKilobytes, run, sleep, until } from "./test-kit.ts";

const app = await buildFixture("static-app");

async function listener(port = 0) {
  const server = createServer().listen(port);
  await once(server, "listening");
  const address = server.address();
  return { server, port: typeof address === "object" && address !== null ? address.port : 0 };
}

async function freePort(): Promise<number> {
  const { server, port } = await listener();
  server.close();
  await once(server, "close");
  return port;
}

/** The pid that answers, or the error's code. */
const ask = (port: number) =>
  exchange(port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n").then(
    (answer) => answer.split("\r\n\r\n")[1]?.trim() || "closed",
    (error: NodeJS.ErrnoException) => error.code ?? "error",
  );

const served = (n: number) => (state: State) => generation(n)(state) && state.readyAt !== null;

for (const { build, kit } of builds) {
  describe(`kit supervise --listen (${build})`, () => {
    test("30 restarts under load: no connection is refused or lost, every process serves", async (t) => {
      const port = await freePort();
      const { when, ask: tell } = await supervise(t, kit, [app, "0"], ["--listen", `:${port}`]);
      const answers = new Map<string, number>();
      let asking = true;
      const clients = Array.from({ length: 4 }, async () => {
        while (asking) {
          const answer = await ask(port);
          answers.set(answer, (answers.get(answer) ?? 0) + 1);
        }
      });
      const pids: string[] = [];
      for (let i = 1; i <= 31; i++) {
        if (i > 1) await tell("restart");
        const state = await when(`generation ${i} served`, served(i));
        await until("an answer of it", () => answers.has(String(state.pid)));
        pids.push(String(state.pid));
      }
      asking = false;
      await Promise.all(clients);
      assert.deepEqual([...answers.keys()].toSorted(), pids.toSorted());
    });

    test("the sockets are descriptors 3 and 4, blocking, with their ports as names, meant for that very process", async (t) => {
      const [first, second] = [await freePort(), await freePort()];
      const listen = ["--listen", `127.0.0.1:${first}`, "--listen", `[::1]:${second}`];
      const script = `echo "$LISTEN_FDS $(($LISTEN_PID - $$)) $LISTEN_FDNAMES $(grep -h flags /proc/$$/fdinfo/[34])"; exec '${process.execPath}' -e 'require("net").createServer().listen({fd: 3})'`;
      const { when, ask: tell, log } = await supervise(t, kit, shell(script), listen);
      const seen = `2 0 ${first}:${second} flags:\t02\nflags:\t02\n`;
      const { held, pid } = await when("served", served(1));
      assert.equal(await log(), seen);
      assert.deepEqual(held, [first, second]);
      assert.match(await readFile(`/proc/${pid}/fdinfo/3`, "utf8"), /flags:\t\d*4002/, "Node makes it non-blocking");
      await tell("restart");
      await when("served again", served(2));
      assert.equal(await log(), `${seen}── restart 1 ──\n${seen}`);
    });

    test("readyAt is when the process accepts, not when it starts", async (t) => {
      const port = await freePort();
      const { when, ask: tell } = await supervise(t, kit, shell(`sleep 0.4; exec '${app}' 0`), [
        "--listen",
        `:${port}`,
      ]);
      for (let i = 1; i <= 3; i++) {
        const early = await when(`generation ${i}`, generation(i));
        assert.equal(early.readyAt, null);
        const late = await when(`generation ${i} served`, served(i));
        const took = Date.parse(late.readyAt ?? "") - Date.parse(late.startedAt);
        assert.ok(took >= 395, `${took} ms`);
        assert.equal(await ask(port), String(late.pid));
        await tell("restart");
      }
    });

    test("readyAt by READY=1 alone", async (t) => {
      const port = await freePort();
      const env = { ...process.env, ASAN_OPTIONS: "detect_leaks=0", NOTIFY: "only" };
      const { when, ask: tell } = await supervise(t, kit, [app, "0"], ["--listen", `:${port}`], { env });
      await when("ready", served(1));
      await tell("restart");
      await when("ready again", served(2));
    });

    test("an app that neither accepts nor says so is not ready, and looking for it becomes rare", async (t) => {
      const port = await freePort();
      const { state, when, ask: tell } = await supervise(t, kit, SLEEP, ["--listen", `:${port}`]);
      await sleep(300);
      assert.equal((await state()).readyAt, null);
      await tell("restart");
      await when("generation 2", generation(2));
    });

    test("while the app is down connections wait, and the next start answers them", async (t) => {
      const port = await freePort();
      const { state, when, ask: tell } = await supervise(t, kit, [app, "0"], ["--listen", `:${port}`]);
      await when("served", served(1));
      process.kill((await state()).pid, "SIGKILL");
      await when("crashed", phase("crashed"));
      const answer = ask(port);
      await sleep(100);
      await tell("start");
      const second = await when("served again", served(2));
      assert.equal(await answer, String(second.pid));
    });

    test("a port that is taken is a sentence and exit 1; the app is not started", async (t) => {
      const { server, port } = await listener();
      t.after(() => server.close());
      const { code, out, err } = await run(t, kit, ["supervise", "--listen", `:${port}`, "--", "echo", "started"]);
      assert.deepEqual([code, out], [1, ""]);
      assert.match(err, new RegExp(`port ${port} can't be listened on: Address( already)? in use`));
    });

    test("without --listen nothing of it is in the app's environment", async (t) => {
      const { out } = await run(t, kit, ["supervise", "--on-crash", "exit", "--", "env"]);
      assert.doesNotMatch(out, /LISTEN_|NOTIFY_/);
    });
  });

  describe(`kit supervise --port (${build})`, () => {
    test("the new start waits until the old listener is gone, a second at most; other containers' don't count", async (t) => {
      const foreign = await listener();
      const left = await listener();
      const ports = ["--port", String(foreign.port), "--port", String(left.port)];
      await new Promise((resolve) => left.server.close(resolve));
      const { when, ask: tell, err } = await supervise(t, kit, SLEEP, ports);
      await tell("restart");
      await when("generation 2", generation(2));
      assert.equal(err(), "");

      const again = await listener(left.port); // since the start: as if a process of the app's had it
      await tell("restart");
      await until("the sentence", () =>
        err().includes(`port ${left.port} is still listened on: the new start waits for it, 1000 ms at most`),
      );
      assert.equal((await when("waiting", phase("stopping"))).generation, 2);
      again.server.close();
      await when("generation 3", generation(3));
      assert.doesNotMatch(err(), /all the same/);

      const stays = await listener(left.port);
      t.after(() => {
        stays.server.close();
        foreign.server.close();
      });
      await tell("restart");
      await when("generation 4", generation(4));
      assert.match(err(), new RegExp(`port ${left.port} is still listened on: starting all the same`));
    });
  });

  describe(`kit supervise --live (${build})`, () => {
    test("answers 200 while it runs, also while the app is held after a crash; what isn't HTTP gets 400", async (t) => {
      const port = await freePort();
      const { when, ask: tell, ended, process: kit_ } = await supervise(t, kit, SLEEP, ["--live", String(port)]);
      assert.deepEqual(await get(port, "/live/app"), { status: 200, body: "running" });
      await tell("stop");
      await when("stopped", phase("stopped"));
      assert.deepEqual(await get(port, "/", "curl/8"), { status: 200, body: "stopped" });
      assert.match(await exchange(port, "garbage\r\n\r\n"), /^HTTP\/1\.1 400 /);
      assert.match(await exchange(port, "POST / HTTP/1.1\r\n\r\n"), /^HTTP\/1\.1 405 /);
      kit_.kill("SIGTERM");
      await ended;
      assert.equal(await ask(port), "ECONNREFUSED");
    });

    test("holding a socket, watching a port and ready to answer probes, it never wakes while nothing happens", async (t) => {
      const [held, live, own] = [await freePort(), await freePort(), await freePort()];
      const options = ["--listen", `:${held}`, "--live", String(live), "--port", String(own)];
      const { when, pid } = await supervise(t, kit, [app, "0"], options);
      await when("served", served(1));
      assert.equal((await get(live, "/")).status, 200);
      await sleep(500);
      const switches = async () =>
        /^voluntary_ctxt_switches:\s+(\d+)/m.exec(await readFile(`/proc/${pid}/status`, "utf8"))?.[1];
      const before = await switches();
      await sleep(2000);
      assert.equal(await switches(), before);
      if (build === "release") assert.ok((await residentKilobytes(pid)) < 1024);
    });

    test("clients that say nothing don't keep a probe from its answer, nor a restart", async (t) => {
      const port = await freePort();
      const { when, ask: tell } = await supervise(t, kit, SLEEP, ["--live", String(port)]);
      for (let i = 0; i < 100; i++) await open(t, port);
      assert.equal((await get(port, "/")).status, 200);
      await tell("restart");
      await when("generation 2", generation(2));
    });
  });
}
