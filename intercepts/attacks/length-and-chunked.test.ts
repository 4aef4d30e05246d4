import assert from "node:assert/strict";
import { test } from "node:test";
import { refusal } from "../testing/open-router.ts";

// CL.TE and TE.CL: two framings in one head, and two programs that each believe another one.

const heads = {
  "CL.TE": "Content-Length: 6\r\nTransfer-Encoding: chunked",
  "TE.CL": "Transfer-Encoding: chunked\r\nContent-Length: 4",
  "in other letters": "content-length: 6\r\nTRANSFER-ENCODING: Chunked",
  "behind an underscore": "Content_Length: 6\r\nTransfer-Encoding: chunked",
  "TE behind an underscore": "Content-Length: 6\r\nTransfer_Encoding: chunked",
};

for (const [name, framing] of Object.entries(heads)) {
  test(`${name}: refused, and nothing of it reaches the app`, async (t) => {
    const { answer, seen } = await refusal(t, `POST / HTTP/1.1\r\nHost: a\r\n${framing}\r\n\r\n0\r\n\r\nG`);
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.match(answer, /Connection: close/);
    assert.equal(seen, "");
  });
}

test("a Connection header that names the framing as hop-by-hop is refused", async (t) => {
  const { answer, seen } = await refusal(
    t,
    "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, Content-Length\r\nContent-Length: 1\r\n\r\nx",
  );
  assert.match(answer, /^HTTP\/1\.1 400 .*names content-length/s);
  assert.equal(seen, "");
});
