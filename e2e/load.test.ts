import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { test } from "node:test";
import { startLoad } from "./load.ts";

async function serve(status: () => number) {
  const server = createServer((_, response) => response.writeHead(status()).end("x")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  return { url: `http://127.0.0.1:${address.port}/`, server };
}

test("sends at the rate it was told and counts every failure", async () => {
  let answered = 0;
  const { url, server } = await serve(() => (++answered % 10 === 0 ? 503 : 200));
  const load = startLoad(url, 200);
  await new Promise((resolve) => setTimeout(resolve, 1000));
  const result = await load.stop();
  assert.ok(result.sent > 150 && result.sent < 300, `${result.sent} sent`);
  assert.equal(result.failed, Math.floor(result.sent / 10));
  assert.deepEqual(Object.keys(result.failures), ["status 503"]);
  server.close();
});

test("a closed port is a failure, not silence", async () => {
  const { url, server } = await serve(() => 200);
  server.close();
  const load = startLoad(url, 100);
  await new Promise((resolve) => setTimeout(resolve, 200));
  const result = await load.stop();
  assert.ok(result.sent > 5);
  assert.equal(result.failed, result.sent);
});
