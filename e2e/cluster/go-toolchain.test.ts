import assert from "node:assert/strict";
import { test } from "node:test";
import { isEnough } from "./go-toolchain.ts";

const CASES: [version: string, enough: boolean][] = [
  ["go1.26.8", true],
  ["go1.25.0", true],
  ["go2.0", true],
  // Fetches a newer one by itself.
  ["go1.21.0", true],
  // Debian 12's, which doesn't know how.
  ["go1.19.8", false],
  ["devel", false],
];

for (const [version, enough] of CASES) {
  test(`${version} ${enough ? "can" : "can't"} build the cluster's programs`, () => {
    assert.equal(isEnough(version), enough);
  });
}
