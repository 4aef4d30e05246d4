import assert from "node:assert/strict";
import { test } from "node:test";
import { parseOptions, parts, UsageError } from "./options.ts";

test("without anything every part runs, in order", () => {
  assert.deepEqual(parseOptions([], {}), { only: parts, ci: false, files: [] });
});

test("--only takes several, in any order and by commas, and runs them in ours", () => {
  const options = parseOptions(["--only", "cluster,unit", "--only", "check", "story"], { CI: "true" });
  assert.deepEqual(options, { only: ["check", "unit", "cluster"], ci: true, files: ["story"] });
});

test("CI=false is no CI", () => {
  assert.equal((parseOptions([], { CI: "false" }) as { ci: boolean }).ci, false);
});

test("what doesn't exist is refused by name", () => {
  assert.throws(
    () => parseOptions(["--only", "everything"], {}),
    (error: unknown) => error instanceof UsageError && /everything.*check, unit/.test(error.message),
  );
  assert.throws(() => parseOptions(["--onyl", "unit"], {}), UsageError);
  assert.equal(parseOptions(["--help"], {}), "help");
});
