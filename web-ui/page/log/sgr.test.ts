import assert from "node:assert/strict";
import { test } from "node:test";
import { parseSgr, plainText } from "./sgr.ts";

const spans = (line: string) => parseSgr(line).spans;

test("text without colours is one plain span", () => {
  assert.deepEqual(spans("listening on 8080"), [{ text: "listening on 8080", style: {} }]);
  assert.deepEqual(spans(""), []);
});

test("colours, attributes and their ends", () => {
  assert.deepEqual(spans("\u001b[32mok\u001b[0m done"), [
    { text: "ok", style: { fg: 2 } },
    { text: " done", style: {} },
  ]);
  assert.deepEqual(spans("\u001b[1;4;91;44mx\u001b[22;24my\u001b[39;49mz\u001b[mw"), [
    { text: "x", style: { bold: true, underline: true, fg: 9, bg: 4 } },
    { text: "y", style: { fg: 9, bg: 4 } },
    { text: "z", style: {} },
    { text: "w", style: {} },
  ]);
});

test("the palette of 256 and 24-bit colours, also with colons", () => {
  assert.deepEqual(spans("\u001b[38;5;1ma\u001b[38;5;196mb\u001b[48;5;232mc"), [
    { text: "a", style: { fg: 1 } },
    { text: "b", style: { fg: "rgb(255, 0, 0)" } },
    { text: "c", style: { fg: "rgb(255, 0, 0)", bg: "rgb(8, 8, 8)" } },
  ]);
  assert.deepEqual(spans("\u001b[38:2:1:2:999mx"), [{ text: "x", style: { fg: "rgb(1, 2, 255)" } }]);
});

test("a style goes on into the next line", () => {
  const first = parseSgr("\u001b[31mError: no");
  assert.deepEqual(parseSgr("  at main", first.style).spans, [{ text: "  at main", style: { fg: 1 } }]);
});

test("every other sequence and control character is left out", () => {
  assert.deepEqual(
    spans("\u001b[2J\u001b[?25la\u001b]0;title\u0007b\u001b]8;;http://x\u001b\\c\u001b(Bd\u0000\u0008"),
    [
      { text: "a", style: {} },
      { text: "b", style: {} },
      { text: "c", style: {} },
      { text: "d", style: {} },
    ],
  );
  assert.deepEqual(spans("\tindented"), [{ text: "\tindented", style: {} }]);
  assert.deepEqual(spans("cut short \u001b[3"), [{ text: "cut short ", style: {} }]);
});

test("nothing but its own styles can come out of a line", () => {
  assert.deepEqual(spans("\u001b[>4;2mx\u001b[38;2;1mz"), [
    { text: "x", style: {} },
    { text: "z", style: { fg: "rgb(1, 0, 0)" } },
  ]);
  assert.deepEqual(spans("<b>&amp;</b>"), [{ text: "<b>&amp;</b>", style: {} }]);
});

test("a line that was overwritten shows its last state", () => {
  assert.deepEqual(spans("10 %\r50 %\r100 %"), [{ text: "100 %", style: {} }]);
  assert.deepEqual(spans("windows line\r"), [{ text: "windows line", style: {} }]);
});

test("what is searched has no colours", () => {
  assert.equal(plainText("\u001b[31mER\u001b[1mROR\u001b[0m x"), "ERROR x");
});

test("a hostile line is read in linear time", () => {
  const line = "\u001b[".repeat(50_000) + "\u001b]".repeat(50_000);
  const before = performance.now();
  parseSgr(line);
  assert.ok(performance.now() - before < 1000);
});
