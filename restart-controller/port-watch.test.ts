import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { buildKit } from "./native/build.ts";
import { createPortWatch, createProcWatch, listenersIn, readListeners } from "./port-watch.ts";

async function listen(host: string, port = 0) {
  const server = createServer().listen(port, host);
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { port: address.port, close: () => new Promise((resolve) => server.close(resolve)) };
}

test("sees a listener on either family, and a new inode after a restart", async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const first = await listen(host);
    const before = await readListeners(first.port);
    assert.equal(before.length, 1);
    await first.close();
    assert.deepEqual(await readListeners(first.port), []);
    const second = await listen(host, first.port);
    const after = await readListeners(first.port);
    assert.equal(after.length, 1);
    assert.notDeepEqual(after, before);
    await second.close();
  }
});

test("a connection to the port is not a listener", () => {
  const line = (state: string) =>
    `   0: 0100007F:1F90 0100007F:C350 ${state} 00000000:00000000 00:00000000 00000000  1000        0 4242 1 0000 100 0 0 10 0`;
  assert.deepEqual(listenersIn(line("01"), 8080), []);
  assert.deepEqual(listenersIn(line("0A"), 8080), ["4242"]);
  assert.deepEqual(listenersIn(line("0A"), 50000), []);
});

test("a quicker pace takes effect at once and never doubles the looking", async () => {
  let looks = 0;
  const watch = createProcWatch(
    1,
    () => looks++,
    async () => [],
  );
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.equal(looks, 1);
  watch.setPace(20);
  watch.setPace(1000);
  watch.setPace(20);
  await new Promise((resolve) => setTimeout(resolve, 210));
  watch.close();
  assert.ok(looks >= 4 && looks <= 12, `${looks} looks`);
});

test("the kit's watch and /proc tell the same; a kit that isn't there is replaced by /proc", async () => {
  for (const kit of [await buildKit(), "/nonexistent/kit"]) {
    const first = await listen("127.0.0.1");
    const told: string[][] = [];
    const watch = createPortWatch(first.port, (inodes) => told.push(inodes), kit);
    watch.setPace(5);
    const until = async (done: (last: string[] | undefined) => boolean) => {
      const giveUp = Date.now() + 5000;
      while (!done(told.at(-1)) && Date.now() < giveUp) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    await until((last) => last?.length === 1);
    assert.deepEqual(told.at(-1), await readListeners(first.port), kit);
    await first.close();
    await until((last) => last?.length === 0);
    assert.deepEqual(told.at(-1), []);
    watch.close();
  }
});
