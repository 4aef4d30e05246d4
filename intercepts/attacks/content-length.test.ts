import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../testing/open-router.ts";

// Lengths that some read as one number and some as another.

const lengths = [
  "Content-Length: 5\r\nContent-Length: 5",
  "Content-Length: 5\r\nContent-Length: 0",
  "Content-Length: 5, 5",
  "Content-Length: +5",
  "Content-Length: -1",
  "Content-Length: 0x5",
  "Content-Length: 5\x0b",
  "Content-Length: ",
  "Content-Length: 5;",
  "Content-Length: 18446744073709551621",
];

for (const framing of lengths) {
  test(`${JSON.stringify(framing)} is refused`, async (t) => {
    const { answer, seen } = await refusal(t, `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\nhello`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.equal(seen, "");
  });
}
