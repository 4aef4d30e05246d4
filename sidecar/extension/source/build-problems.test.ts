import assert from "node:assert/strict";
import { test } from "node:test";
import type { Problem, RestartRecord } from "../../protocol/index.ts";
import { problemsAfter } from "./build-problems.ts";

const base: RestartRecord = {
  id: "a",
  app: "app",
  how: "process",
  origin: "request",
  askedAt: "2026-01-01T00:00:00.000Z",
  asked: 0,
};
const at = (file: string, line: number): Problem => ({ file, line, severity: "error", message: "undefined: x" });

test("a failed build's problems are at their files, relative to the source or absolute", () => {
  const problems = [at("main.go", 3), at("lib/a.go", 1), at("main.go", 9), at("/usr/include/a.h", 2)];
  const shown = problemsAfter({ ...base, outcome: "refused", build: { ok: false, problems } }, "/src");
  assert.deepEqual(
    [...(shown ?? [])].map(([file, found]) => [file, found.map(({ line }) => line)]),
    [
      ["/src/main.go", [3, 9]],
      ["/src/lib/a.go", [1]],
      ["/usr/include/a.h", [2]],
    ],
  );
});

test("a build that goes well clears them; a running one, and a restart without one, leave them", () => {
  assert.equal(problemsAfter({ ...base, build: { ok: true } }, "/src")?.size, 0);
  assert.equal(problemsAfter({ ...base, build: {} }, "/src"), undefined);
  assert.equal(problemsAfter({ ...base, outcome: "served" }, "/src"), undefined);
});
