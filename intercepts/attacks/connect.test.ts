import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../testing/open-router.ts";

test("CONNECT is refused: the front is no way to other hosts", async (t) => {
  const { answer, seen } = await refusal(t, "CONNECT internal:443 HTTP/1.1\r\nHost: internal:443\r\n\r\n");
  assert.match(answer, /^HTTP\/1\.1 405 /);
  assert.match(answer, /\r\nAllow: /);
  assert.equal(seen, "");
});
