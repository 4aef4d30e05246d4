import assert from "node:assert/strict";
import { test } from "node:test";
import { parseTarget } from "./target.ts";

test("our own paths and the IDE's are told apart, with and without a base path", () => {
  assert.deepEqual(parseTarget("/-/api/status?x=1", ""), { kind: "inpod", path: "/-/api/status", query: "?x=1" });
  assert.deepEqual(parseTarget("/a/b/-/login", "/a/b"), { kind: "inpod", path: "/-/login", query: "" });
  assert.deepEqual(parseTarget("/a/b/x/y?folder=/-/", "/a/b"), { kind: "ide", path: "/x/y", query: "?folder=/-/" });
  assert.deepEqual(parseTarget("/-", ""), { kind: "redirect", to: "/-/" });
  assert.deepEqual(parseTarget("/a/b?q", "/a/b"), { kind: "redirect", to: "/a/b/?q" });
  assert.deepEqual(parseTarget("/other/", "/a/b"), { kind: "outside" });
  assert.deepEqual(parseTarget("/-/healthz", "/a/b"), { kind: "inpod", path: "/-/healthz", query: "" });
  assert.deepEqual(parseTarget("/a/b/-/healthz", "/a/b"), { kind: "inpod", path: "/-/healthz", query: "" });
  assert.deepEqual(parseTarget("/-foo/%2e%2e", ""), { kind: "ide", path: "/-foo/%2e%2e", query: "" });
  assert.deepEqual(parseTarget("/static/a%2Fb", ""), { kind: "ide", path: "/static/a%2Fb", query: "" });
});

const tricks = [
  "/%2d/api/status",
  "/%2D/api/status",
  "/-%2fapi/status",
  "/-%2Fapi%2Fstatus",
  "/%2f-/api/status",
  "/-/api%2fstatus",
  "/-/%61pi/status",
  "//-/api/status",
  "/-//api/status",
  "/-/api//status",
  "/./-/api/status",
  "/x/../-/api/status",
  "/x/%2e%2e/-/api/status",
  "/x/.%2e/-/",
  "/x/..;/-/api/status",
  "/-;/api/status",
  "/-/../",
  "/-/./api/status",
  "/-/api/..",
  "/-/api/%2e%2e/status",
  "/\\-/api/status",
  "/\\-\\api",
  "/%5c-/api/status",
  "/%252d/api/status",
  "/%25252d/api",
  "/-/api/status;x=1",
  "/-/api/status%00",
  "/-/api/stat us",
  "/-/api/stätus",
  "/-/\tapi",
  "-/api/status",
  "http://localhost/-/api/status",
  "*",
  "",
  "?",
];
for (const trick of tricks) {
  test(`refused, not interpreted: ${JSON.stringify(trick)}`, () => {
    assert.deepEqual(parseTarget(trick, ""), { kind: "refused" });
  });
}

test("spellings around the base path don't lead around it", () => {
  for (const trick of ["/-/api/status", "/a/b/../-/login", "/a%2fb/-/login", "/a/b/%2d/login", "//a/b/-/"]) {
    const { kind } = parseTarget(trick, "/a/b");
    assert.ok(kind === "refused" || kind === "outside", `${trick}: ${kind}`);
  }
});
