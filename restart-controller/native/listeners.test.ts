import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, readlink } from "node:fs/promises";
import { createServer } from "node:net";
import type { AddressInfo, Server } from "node:net";
import { describe, test } from "node:test";
import { builds, run, sleep, start } from "./test-kit.ts";

async function listen(host: string, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer().listen(port, host);
  await once(server, "listening");
  return { server, port: (server.address() as AddressInfo).port };
}

const closed = (server: Server) => new Promise((resolve) => server.close(resolve));

for (const { build, kit } of builds) {
  describe(`kit listeners (${build})`, () => {
    test("tells the inode that /proc tells, its end, and the next one's, on both families", async (t) => {
      for (const host of ["127.0.0.1", "::1"]) {
        const first = await listen(host);
        const watch = start(t, kit, ["listeners", String(first.port)]);
        watch.process.stdin?.write("5\n");
        const lines = () => watch.out().split("\n").slice(0, -1);
        while (lines().length < 1) await sleep(5);
        const table = await readFile(host === "::1" ? "/proc/net/tcp6" : "/proc/net/tcp", "utf8");
        const hex = `:${first.port.toString(16).toUpperCase().padStart(4, "0")} `;
        const row = table.split("\n").find((line) => line.includes(hex) && / 0A /.test(line));
        assert.equal(lines()[0], row?.trim().split(/\s+/)[9]);
        await closed(first.server);
        while (lines().length < 2) await sleep(5);
        assert.equal(lines()[1], "");
        const second = await listen(host, first.port);
        while (lines().length < 3) await sleep(5);
        assert.notEqual(lines()[2], lines()[0]);
        await closed(second.server);
        watch.process.stdin?.end();
        assert.equal(await watch.ended, 0);
      }
    });

    test("ends with its stdin, also when its parent is killed; says nothing while nothing changes", async (t) => {
      const watch = start(t, kit, ["listeners", "1"]);
      watch.process.stdin?.write("2\n");
      await sleep(200);
      assert.equal(watch.out(), "\n");
      assert.match(await readlink(`/proc/${watch.pid}/exe`), /kit/);
      watch.process.stdin?.destroy();
      assert.equal(await watch.ended, 0);
    });

    test("garbage on its stdin changes nothing", async (t) => {
      const watch = start(t, kit, ["listeners", "1"]);
      watch.process.stdin?.write(Buffer.alloc(100_000, "x\n\0-1\n99999999999\n"));
      await sleep(100);
      watch.process.stdin?.end();
      assert.equal(await watch.ended, 0);
      assert.equal(watch.out(), "\n");
    });

    test("a port that is none is wrong usage, with the value", async (t) => {
      for (const args of [[], ["0"], ["65536"], ["http"], ["80", "81"]]) {
        const { code, err } = await run(t, kit, ["listeners", ...args]);
        assert.equal(code, 2);
        assert.match(err, args.length === 1 ? new RegExp(`"${args[0]}" is not a port`) : /give one port/);
      }
    });
  });
}
