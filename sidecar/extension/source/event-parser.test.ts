import assert from "node:assert/strict";
import { test } from "node:test";
import { createEventParser } from "./event-parser.ts";

const log = (seq: number) => ({ type: "log", line: { seq, app: "app", text: `line ${seq}` } });
const text = (seq: number) => `event: log\ndata: ${JSON.stringify({ line: log(seq).line })}\n\n`;

test("reads events however the stream is cut", () => {
  const stream = `retry: 1000\n\n${text(1)}: \n\n${text(2)}`;
  for (let size = 1; size <= stream.length; size++) {
    const parser = createEventParser();
    const events = [];
    for (let at = 0; at < stream.length; at += size) events.push(...parser.read(stream.slice(at, at + size)));
    assert.deepEqual(events, [log(1), log(2)], `pieces of ${size}`);
  }
});

test("reads CRLF, and data over several lines", () => {
  const events = createEventParser().read(
    'event: log\r\ndata: {"line":\r\ndata: {"seq":1,"app":"app","text":"line 1"}}\r\n\r\n',
  );
  assert.deepEqual(events, [log(1)]);
});

test("passes over events of a later helper, and what is no JSON", () => {
  const odd =
    "event: weather\ndata: {}\n\nevent: log\ndata: {\n\nevent: log\ndata: null\n\nevent: status\ndata: {}\n\n";
  assert.deepEqual(createEventParser().read(odd + text(3)), [log(3)]);
});
