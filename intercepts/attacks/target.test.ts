import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../testing/open-router.ts";

// A first line, a target or a Host that two programs take for two things.

const lines = {
  "absolute form": "GET http://internal/ HTTP/1.1",
  "another scheme": "GET file:///etc/passwd HTTP/1.1",
  "no slash": "GET admin HTTP/1.1",
  "a header in the target": "GET /\r\nX-Admin: 1 HTTP/1.1",
  "a second space": "GET /a b HTTP/1.1",
  "a tab": "GET\t/ HTTP/1.1",
  "a fragment": "GET /#/admin HTTP/1.1",
  "bytes above ASCII": "GET /\xff HTTP/1.1",
  "an asterisk for GET": "GET * HTTP/1.1",
  "two spaces": "GET  / HTTP/1.1",
  "a space at the end": "GET / HTTP/1.1 ",
  "HTTP/0.9": "GET /",
  "HTTP/1.2": "GET / HTTP/1.2",
  "HTTP/2.0": "GET / HTTP/2.0",
  "http in small letters": "GET / http/1.1",
  "a method in small letters": "get / HTTP/1.1",
  "a method with a colon": "GET: / HTTP/1.1",
};

for (const [name, line] of Object.entries(lines)) {
  test(`${name} is refused`, async (t) => {
    const { answer, seen } = await refusal(t, `${line}\r\nHost: a\r\n\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(seen, "");
  });
}

for (const hosts of ["", "Host: a\r\nHost: b\r\n", "Host: a/b\r\n", "Host: a b\r\n"]) {
  test(`${JSON.stringify(hosts)} as Host is refused`, async (t) => {
    const { answer, seen } = await refusal(t, `GET / HTTP/1.1\r\n${hosts}\r\n`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(seen, "");
  });
}

test("what is refused is never sent back as it came", async (t) => {
  const { answer } = await refusal(t, "GET /<script>\r\n HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(answer, /Content-Type: text\/plain/);
  assert.match(answer, /X-Content-Type-Options: nosniff/);
});
