import assert from "node:assert/strict";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { LocalPodError } from "./errors.ts";
import { firstFreePort, requirePort, whyNotFree } from "./ports.ts";

test("a taken port is said with its number, its use and the flag that changes it", async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  assert.equal(await whyNotFree(port), "EADDRINUSE");
  await assert.rejects(requirePort(port, "the IDE", "--port"), (error: unknown) => {
    assert.ok(error instanceof LocalPodError);
    assert.equal(error.code, "INPOD_PORT_TAKEN");
    assert.match(error.message, new RegExp(`Port ${port} .*the IDE.*--port`, "s"));
    return true;
  });
  const next = await firstFreePort(port, "the app", "--app-port");
  assert.ok(next > port && next < port + 20);
  assert.notEqual(await firstFreePort(port, "the app", "--app-port", [next]), next);
});
