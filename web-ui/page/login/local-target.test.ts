import assert from "node:assert/strict";
import { test } from "node:test";
import { localTarget } from "./local-target.ts";

const origin = "https://dev.example";

test("a path of this workspace is followed, with its query", () => {
  assert.equal(localTarget("/?folder=/workspace", "", origin), "/?folder=/workspace");
  assert.equal(localTarget("/a/b/-/", "/a/b", origin), "/a/b/-/");
});

test("anything else leads to the start of the workspace", () => {
  const elsewhere = [
    null,
    "",
    "x",
    "//evil.example/",
    "/\\evil.example/",
    "\\\\evil.example",
    "https://evil.example/",
    "javascript:alert(1)",
    "/\t/evil.example/",
    "/a/b/../../other/",
    "/a/c/",
    "/a/b",
    "/a/b/-/login?to=/a/b/-/login",
  ];
  for (const to of elsewhere) assert.equal(localTarget(to, "/a/b", origin), "/a/b/", String(to));
});
