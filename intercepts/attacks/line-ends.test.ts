import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../testing/open-router.ts";

// Bare LF, bare CR, NUL and folded lines: a header for one program, part of another header for the next.

const heads = {
  "bare LF everywhere": "GET / HTTP/1.1\nHost: a\n\n",
  "a bare LF in a header": "GET / HTTP/1.1\r\nHost: a\r\nX: y\nContent-Length: 5\r\n\r\nhello",
  "a bare CR in a header": "GET / HTTP/1.1\r\nHost: a\r\nX: y\rContent-Length: 5\r\n\r\nhello",
  "a bare LF at the end": "GET / HTTP/1.1\r\nHost: a\r\n\n",
  "CR CR LF": "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n",
  NUL: "GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n",
  "a folded header": "GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
  "a folded first header": "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
  "a space before the colon": "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
  "a header without a colon": "GET / HTTP/1.1\r\nHost: a\r\nx\r\n\r\n",
  "a header without a name": "GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n",
  "an empty line first": "\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
};

for (const [name, head] of Object.entries(heads)) {
  test(`${name} is refused at once`, async (t) => {
    const { answer, seen } = await refusal(t, head);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(seen, "");
  });
}
