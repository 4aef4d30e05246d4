import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { buildKit } from "./build.ts";
import { run } from "./test-kit.ts";

// A loop without end is a finding too: hence the timeout.
// Deterministic: `build/kit-fuzz SEED ROUNDS` by hand gives the same input again, more rounds or another seed give other.
const out = join(import.meta.dirname, "build/kit-fuzz");

for (const seed of ["1", "2"])
  test(
    `no parser of the kit reads or writes too far, whatever it is given (seed ${seed})`,
    { timeout: 120_000 },
    async (t) => {
      const fuzz = await buildKit({ sanitize: true, main: "fixtures/fuzz.c", out });
      const { code, out: said, err } = await run(t, fuzz, [seed, "60000"]);
      assert.deepEqual([code, err], [0, ""]);
      assert.ok(Number(/^(\d+) inputs$/m.exec(said)?.[1]) > 300_000, said);
    },
  );
