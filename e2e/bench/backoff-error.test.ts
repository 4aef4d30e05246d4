import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { compare } from "./backoff-error.ts";
import type { Recorded } from "./backoff-error.ts";

// backoff.recorded.json is what `INPOD_RECORD=FILE npm run bench -- backoff` wrote on a real kubelet (1.35.4, its own settings).

const recorded: readonly Recorded[] = JSON.parse(
  await readFile(new URL("backoff.recorded.json", import.meta.url), "utf8"),
);

test("ten sequences, with waits of every length up to 160 s among them", () => {
  assert.equal(recorded.length, 10);
  const waits = new Set(recorded.flatMap((one) => compare(one)).map(({ predicted }) => Math.round(predicted)));
  for (const wait of [0, 10, 20, 40, 80]) assert.ok(waits.has(wait), `${wait} s`);
});

describe("every recorded wait is the foretold one, within 2 s and the kubelet's requeue slack", () => {
  for (const sequence of recorded) {
    test(sequence.name, () => {
      for (const [i, { predicted, real, slack, outside }] of compare(sequence).entries()) {
        assert.equal(outside, 0, `step ${i + 1}: foretold ${predicted} s, ${real} s real, slack ${slack} s`);
      }
    });
  }
});

test("what lies outside is measured on both sides", () => {
  const steps = (started: number) => [
    { by: "itself" as const, at: 1, started: 1.3 },
    { by: "itself" as const, at: 2, started },
  ];
  const outside = (started: number) => compare({ name: "x", steps: steps(started) })[1]?.outside;
  assert.equal(outside(12), 0);
  assert.equal(outside(20), 0);
  assert.equal(outside(9), 1);
  assert.equal(outside(21), 1);
});
