import assert from "node:assert/strict";
import { test } from "node:test";
import { giveUpAt } from "./patience.ts";

const record = { id: "x", app: "app", how: "container", origin: "request", askedAt: "", asked: 0 } as const;

test("a back-off isn't taken from the asker's patience; one that is over takes none away", () => {
  const asked = Date.parse("2026-01-01T00:00:00Z");
  assert.equal(giveUpAt(asked, 30_000, record), asked + 30_000);
  const waiting = { ...record, waitsUntil: "2026-01-01T00:01:20.000Z" };
  assert.equal(giveUpAt(asked, 30_000, waiting), asked + 80_000 + 31_000 + 30_000);
  assert.equal(giveUpAt(asked, 30_000, { ...record, waitsUntil: "2025-01-01T00:00:00.000Z" }), asked + 30_000);
});
