import assert from "node:assert/strict";
import { test } from "node:test";
import { checkRequirements } from "./requirements.ts";

test("a part that can't run says why, and one that can says what it would install and build", async () => {
  const reports = await checkRequirements(["cluster", "images", "browser", "chart"], { cache: "/nonexistent/cache" });
  assert.deepEqual(
    reports.map(({ part }) => part),
    ["cluster", "images", "browser", "chart"],
  );
  for (const report of reports) {
    assert.equal(report.installable, report.reason === undefined);
    assert.equal(report.missing.length === 0, report.packages.length === 0);
  }
  // Nothing is built in a cache that isn't there.
  const builds = (at: number): string[] => (reports[at]?.builds ?? []).map(({ name }) => name.split(" ")[0] ?? "");
  assert.deepEqual(builds(0).sort(), ["coredns", "etcd", "helm", "kubernetes"]);
  assert.deepEqual(builds(3), ["helm"]);
});

test("programs are looked for on the PATH", async () => {
  const path = process.env["PATH"];
  process.env["PATH"] = "/nonexistent";
  try {
    const [browser] = await checkRequirements(["browser"]);
    assert.deepEqual(browser?.missing, ["chromium"]);
    // Without apt-get there is no way to install it, and that is said.
    assert.match(browser?.reason ?? "", /chromium must be installed by hand/);
    const [kit] = await checkRequirements(["kit"]);
    assert.deepEqual([kit?.missing.includes("musl-gcc"), kit?.installable, kit?.reason], [true, false, undefined]);
  } finally {
    process.env["PATH"] = path;
  }
});
