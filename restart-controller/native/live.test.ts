import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmod, chown, mkdir, readFile, rm, rmdir, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import {
  builds,
  children,
  exchange,
  exists,
  get,
  open,
  processState,
  residentKilobytes,
  run,
  sleep,
  start,
  temporaryDirectory,
  until,
} from "./test-kit.ts";
import type { Running } from "./test-kit.ts";

const HEAD = "User-Agent: kube-probe/1.35\r\n\r\n";

async function responder(
  t: TestContext,
  kit: string,
  options: { threshold?: number; present?: boolean; unprivileged?: boolean } = {},
) {
  const directory = await temporaryDirectory(t);
  const file = join(directory, "liveness");
  if (options.present !== false) await writeFile(file, "");
  const user = options.unprivileged === true && process.getuid?.() === 0 ? { uid: 65532, gid: 65532 } : undefined;
  if (user !== undefined) await chown(directory, user.uid, user.gid);
  const live = start(
    t,
    kit,
    ["live", "--port", "0", "--threshold", String(options.threshold ?? 2), `app=${file}`],
    user,
  );
  const port = Number(await until("the port", () => /port (\d+)/.exec(live.err())?.[1]));
  const child = () => until("the child", async () => (await children(live.pid))[0]);
  await child();
  return { live, port, file, child, probe: () => get(port, "/live/app"), look: () => get(port, "/live/app", "curl/8") };
}

async function statuses(probe: () => Promise<{ status: number }>, count: number): Promise<number[]> {
  const seen: number[] = [];
  for (let i = 0; i < count; i++) seen.push((await probe()).status);
  return seen;
}

async function killChild(live: Running, child: () => Promise<number>): Promise<void> {
  const pid = await child();
  process.kill(pid, "SIGKILL");
  await until("a new child", async () => (await children(live.pid)).some((other) => other !== pid));
}

for (const { build, kit } of builds) {
  describe(`kit live (${build})`, { concurrency: 4 }, () => {
    for (const threshold of [1, 2, 3])
      test(`one request is exactly ${threshold} failing probe(s), and the file is back`, async (t) => {
        const { probe, file } = await responder(t, kit, { threshold });
        assert.deepEqual(await statuses(probe, 3), [200, 200, 200]);
        for (let request = 0; request < 3; request++) {
          await unlink(file);
          assert.deepEqual(await statuses(probe, threshold + 2), [...Array<number>(threshold).fill(503), 200, 200]);
          assert.equal((await stat(file)).mode & 0o7777, 0o664);
        }
      });

    test("says what is going on in one line", async (t) => {
      const { probe, look, file } = await responder(t, kit);
      assert.equal((await probe()).body, "alive");
      await unlink(file);
      assert.equal((await look()).body, "restart requested: waiting for the next probe");
      assert.equal((await probe()).body, "restart requested: 1 of 2");
      assert.equal((await look()).body, "restart requested: 1 of 2 failing probes to go");
      assert.equal((await probe()).body, "restart requested: 2 of 2");
      assert.equal((await look()).body, "alive");
    });

    test("a file that is missing at start is a pending request; nothing is made before the probe", async (t) => {
      const { probe, file } = await responder(t, kit, { present: false });
      await assert.rejects(stat(file));
      assert.deepEqual(await statuses(probe, 3), [503, 503, 200]);
    });

    test("only the kubelet changes anything", async (t) => {
      const { port, probe, look, file } = await responder(t, kit);
      await unlink(file);
      for (const agent of ["curl/8", "", "Mozilla kube-probe/1.35", "kube-probe", "xkube-probe/1"]) {
        assert.equal((await get(port, "/live/app", agent)).status, 503);
        await assert.rejects(stat(file));
      }
      assert.deepEqual(await statuses(probe, 1), [503]);
      assert.deepEqual(await statuses(look, 5), [503, 503, 503, 503, 503]);
      assert.deepEqual(await statuses(probe, 2), [503, 200]);
    });

    test("a request that is withdrawn in time restarts nothing", async (t) => {
      const { probe, file } = await responder(t, kit);
      await unlink(file);
      await writeFile(file, "", { flag: "wx" });
      assert.deepEqual(await statuses(probe, 2), [200, 200]);
    });

    test("withdraw, probe and probe at once, 1000 times: either withdrawn or answered by exactly the threshold", async (t) => {
      const { probe, file } = await responder(t, kit);
      let withdrawn = 0;
      for (let i = 0; i < 1000; i++) {
        await unlink(file);
        const withdraw = (i % 3 === 0 ? Promise.resolve() : sleep(0)).then(() => writeFile(file, "", { flag: "wx" }));
        const [won, ...probes] = await Promise.all([
          withdraw.then(
            () => true,
            () => false,
          ),
          probe(),
          probe(),
        ]);
        const failing = [...probes.map((p) => p.status), ...(await statuses(probe, 2))].filter((s) => s === 503).length;
        assert.equal(failing, won ? 0 : 2, `round ${i}`);
        if (won) withdrawn++;
      }
      t.diagnostic(`${withdrawn} withdrawn, ${1000 - withdrawn} answered`);
    });

    test("50 probes at once share one request", async (t) => {
      const { probe, file } = await responder(t, kit, { threshold: 3 });
      await unlink(file);
      const answers = await Promise.all(Array.from({ length: 50 }, probe));
      assert.equal(answers.filter(({ status }) => status === 503).length, 3);
    });

    test("no restart without a request: the child killed -9 five times, probes all along", async (t) => {
      const { live, probe, child } = await responder(t, kit);
      for (let i = 0; i < 5; i++) {
        await killChild(live, child);
        assert.deepEqual(await statuses(probe, 2), [200, 200]);
      }
    });

    test("a kill -9 between two failing probes loses nothing", async (t) => {
      const { live, probe, child, file } = await responder(t, kit, { threshold: 3 });
      await unlink(file);
      const seen: number[] = [];
      for (let i = 0; i < 5; i++) {
        seen.push((await probe()).status);
        await killChild(live, child);
      }
      assert.deepEqual(seen, [503, 503, 503, 200, 200]);
    });

    test("kill -9 at any moment: every request fails at least one probe, answered or torn", async (t) => {
      const { probe, child, file } = await responder(t, kit);
      for (let i = 0; i < 100; i++) {
        await unlink(file);
        const pid = await child();
        const killing = sleep(i % 3).then(() => exists(pid) && process.kill(pid, "SIGKILL"));
        let failed = 0;
        for (let j = 0; j < 5; j++) {
          const status = await probe().then(
            (answer) => answer.status,
            () => 0,
          );
          if (status !== 200) failed++;
        }
        await killing;
        assert.ok(failed >= 2, `round ${i}: ${failed}`); // a torn connection counts for the kubelet as a 503 does
        await until("alive again", () =>
          probe().then(
            ({ status }) => status === 200,
            () => false,
          ),
        );
      }
    });

    test("stopped for 4 s: the waiting probes are answered, the count is right", async (t) => {
      const { probe, child, file } = await responder(t, kit);
      process.kill(await child(), "SIGSTOP");
      const early = probe();
      await sleep(3900);
      await unlink(file);
      await sleep(100);
      process.kill(await child(), "SIGCONT");
      assert.equal((await early).status, 503);
      assert.deepEqual(await statuses(probe, 2), [503, 200]);
    });

    test("a probe whose client has given up eats no request", async (t) => {
      const { port, probe, child, file } = await responder(t, kit);
      await unlink(file);
      process.kill(await child(), "SIGSTOP");
      for (let i = 0; i < 3; i++) {
        const socket = await open(t, port);
        socket.end(`GET /live/app HTTP/1.1\r\n${HEAD}`);
        await sleep(20);
        socket.destroy();
      }
      await sleep(50);
      process.kill(await child(), "SIGCONT");
      assert.deepEqual(await statuses(probe, 3), [503, 503, 200]);
    });

    test("200 slow clients don't delay the kubelet, and are let go", async (t) => {
      const { port, probe, file } = await responder(t, kit);
      const slow = await Promise.all(Array.from({ length: 200 }, () => open(t, port)));
      for (const socket of slow) socket.resume();
      for (const socket of slow) socket.write("GET /live/app HTTP/1.1\r\nX: ");
      const drip = setInterval(() => slow.forEach((socket) => socket.write("x")), 50);
      t.after(() => clearInterval(drip));
      await unlink(file);
      for (const expected of [503, 503, 200, 200, 200, 200]) {
        const before = Date.now();
        assert.equal((await probe()).status, expected);
        assert.ok(Date.now() - before < 1000);
        await sleep(100);
      }
      await until("all let go", () => slow.every((socket) => socket.closed));
    });

    const malformed: readonly (readonly [string, string])[] = [
      ["no version", `GET /live/app\r\n${HEAD}`],
      ["HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
      ["bare newlines", "GET /live/app HTTP/1.1\nHost: a\n\r\n\r\n"],
      ["two spaces", `GET  /live/app HTTP/1.1\r\n${HEAD}`],
      ["absolute target", `GET http://x/live/app HTTP/1.1\r\n${HEAD}`],
      ["NUL in a header", `GET /live/app HTTP/1.1\r\nA: b\0c\r\n${HEAD}`],
      ["folded header", `GET /live/app HTTP/1.1\r\nA: b\r\n c\r\n${HEAD}`],
      ["two agents", `GET /live/app HTTP/1.1\r\nUser-Agent: curl\r\n${HEAD}`],
      ["space before the colon", `GET /live/app HTTP/1.1\r\nUser-Agent : kube-probe/1\r\n\r\n`],
      ["nothing but an end", "\r\n\r\n"],
      ["a head without end", `GET /live/app HTTP/1.1\r\nA: ${"x".repeat(8192)}`],
    ];
    for (const [name, bytes] of malformed)
      test(`400 and no side effect: ${name}`, async (t) => {
        const { port, file } = await responder(t, kit);
        await unlink(file);
        assert.match(await exchange(port, bytes), /^HTTP\/1\.1 400 /);
        await assert.rejects(stat(file));
      });

    test("another path is 404, another method 405, HEAD has no body", async (t) => {
      const { port, file } = await responder(t, kit);
      await unlink(file);
      for (const path of [
        "/",
        "/live",
        "/live/",
        "/live/ap",
        "/live/apps",
        "/live/app/",
        "/live/app?x",
        "/LIVE/app",
        `/live/${"a".repeat(500)}`,
      ])
        assert.equal((await get(port, path)).status, 404, path);
      const post = await exchange(
        port,
        `POST /live/app HTTP/1.1\r\nContent-Length: 100000\r\n${HEAD}${"x".repeat(100_000)}`,
      );
      assert.match(post, /^HTTP\/1\.1 405 [^]*\r\nAllow: GET\r\n[^]*only GET\n$/);
      assert.match(await exchange(port, `HEAD /live/app HTTP/1.1\r\n${HEAD}`), /^HTTP\/1\.1 405 [^]*\r\n\r\n$/);
      await assert.rejects(stat(file));
    });

    test("a request that arrives byte by byte is a request", async (t) => {
      const { port } = await responder(t, kit);
      const socket = await open(t, port);
      let answer = "";
      socket.setEncoding("utf8").on("data", (text: string) => (answer += text));
      for (const byte of `GET /live/app HTTP/1.1\r\n${HEAD}`) {
        socket.write(byte);
        await sleep(1);
      }
      await until("the answer", () => answer.endsWith("alive\n"));
    });

    test("500 connections of garbage: the same child answers after", async (t) => {
      const { port, probe, child } = await responder(t, kit);
      const before = await child();
      for (let i = 0; i < 50; i++)
        await Promise.all(
          Array.from({ length: 10 }, () =>
            exchange(
              port,
              Buffer.concat([
                Buffer.from(i % 2 ? "GET /live/app HTTP/1.1\r\n" : ""),
                randomBytes(i * 7),
                Buffer.from("\r\n\r\n"),
              ]),
            ).catch(() => ""),
          ),
        );
      assert.equal((await probe()).status, 200);
      assert.equal(await child(), before);
    });

    test("a file that can't be put back: one restart, not one after another", async (t) => {
      const { probe, file } = await responder(t, kit, { unprivileged: true });
      await unlink(file);
      await chmod(join(file, ".."), 0o555);
      assert.deepEqual(await statuses(probe, 6), [503, 503, 200, 200, 200, 200]);
      assert.match((await probe()).body, /can't be put back: Permission denied/);
      await chmod(join(file, ".."), 0o777);
      assert.deepEqual(await statuses(probe, 3), [200, 200, 200]);
      await stat(file);
      await unlink(file);
      assert.deepEqual(await statuses(probe, 3), [503, 503, 200], "the next request counts again");
    });

    test("a directory that is gone is no request; a dangling link is present", async (t) => {
      const { probe, file } = await responder(t, kit);
      const directory = join(file, "..");
      await unlink(file);
      await rmdir(directory);
      assert.deepEqual(await statuses(probe, 2), [200, 200]);
      await mkdir(directory);
      await symlink("/nowhere/at/all", file);
      assert.deepEqual(await statuses(probe, 2), [200, 200]);
      await rm(file);
      assert.deepEqual(await statuses(probe, 3), [503, 503, 200]);
    });

    test("several names are several counts", async (t) => {
      const directory = await temporaryDirectory(t);
      const names = ["app", "worker-2"];
      for (const name of names) await writeFile(join(directory, name), "");
      const live = start(t, kit, ["live", "--port=0", ...names.map((name) => `${name}=${join(directory, name)}`)]);
      const port = Number(await until("the port", () => /port (\d+)/.exec(live.err())?.[1]));
      await unlink(join(directory, "worker-2"));
      assert.deepEqual(await statuses(() => get(port, "/live/app"), 2), [200, 200]);
      assert.deepEqual(await statuses(() => get(port, "/live/worker-2"), 3), [503, 503, 200]);
    });

    test("SIGTERM ends both at once; a killed parent leaves no child", async (t) => {
      for (const signal of ["SIGTERM", "SIGKILL"] as const) {
        const { live, child } = await responder(t, kit);
        const pid = await child();
        live.process.kill(signal);
        assert.equal(await live.ended, signal === "SIGTERM" ? 0 : "SIGKILL");
        await until("no child", async () => [undefined, "Z"].includes(await processState(pid)));
      }
    });

    test("a taken port is a sentence", async (t) => {
      const server = createServer().listen(0);
      t.after(() => server.close());
      const address = server.address();
      assert.ok(typeof address === "object" && address !== null);
      const { code, err } = await run(t, kit, ["live", "--port", String(address.port), "app=/x"]);
      assert.equal(code, 1);
      assert.match(err, new RegExp(`port ${address.port} can't be used: Address .*in use; choose another with --port`));
    });

    test("--host: it listens on that address alone", async (t) => {
      const live = start(t, kit, ["live", "--host", "127.0.0.1", "--port", "0", "app=/nonexistent/x"]);
      const port = Number(await until("the port", () => /port (\d+)/.exec(live.err())?.[1]));
      assert.ok((await get(port, "/live/app", "curl/8")).status > 0);
      for (const address of ["127.0.0.2", "::1"]) {
        await assert.rejects(once(connect({ host: address, port }), "connect"), /ECONNREFUSED|EADDRNOTAVAIL/);
      }
    });

    test("it answers on IPv4 and, where there is IPv6, on that", async (t) => {
      const { port } = await responder(t, kit);
      assert.equal((await get(port, "/live/app")).status, 200);
      const six = await readFile("/proc/net/if_inet6", "utf8").catch(() => "");
      if (six === "") return;
      const answer = await fetch(`http://[::1]:${port}/live/app`);
      assert.equal(await answer.text(), "alive\n");
    });

    if (build === "release")
      test("both processes together stay below 1 MB", async (t) => {
        const { live, child, probe } = await responder(t, kit);
        await statuses(probe, 20);
        const used = (await residentKilobytes(live.pid)) + (await residentKilobytes(await child()));
        t.diagnostic(`${used} KB`);
        if ((await stat(kit)).size < 200_000) assert.ok(used <= 1024, `${used} KB`);
      });
  });
}
