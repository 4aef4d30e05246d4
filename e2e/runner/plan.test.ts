import assert from "node:assert/strict";
import { test } from "node:test";
import type { Part, PartReport } from "../cluster/requirements.ts";
import { parts } from "./options.ts";
import { announce, makePlan } from "./plan.ts";

const fine = (part: Part, more: Partial<PartReport> = {}): PartReport => ({
  part,
  missing: [],
  installable: true,
  packages: [],
  builds: [],
  reason: undefined,
  ...more,
});
const all = { only: parts, ci: false, files: [] };

test("on a machine that has everything every part runs and nothing is installed", () => {
  const plan = makePlan(all, [fine("cluster"), fine("images"), fine("browser"), fine("chart")]);
  assert.deepEqual(plan.run, parts);
  assert.deepEqual(announce(plan, []), [
    "will run: check, unit, chart, browser, cluster",
    "nothing has to be installed",
  ]);
});

test("what will be installed and built is said, each once", () => {
  const helm = { name: "helm 3", minutes: 2 };
  const plan = makePlan(all, [
    fine("cluster", { packages: ["runc", "gcc"], builds: [helm, { name: "etcd 3", minutes: 1 }] }),
    fine("images", { packages: ["runc"] }),
    fine("browser", { packages: ["chromium"] }),
    fine("chart", { builds: [helm] }),
  ]);
  const text = announce(plan, []).join("\n");
  assert.match(text, /will install \(apt-get\): runc gcc chromium$/m);
  assert.match(text, /helm 3, etcd 3 \(about 3 min/);
});

test("a part that can't run here says why, and the others run", () => {
  const plan = makePlan(all, [
    fine("cluster", { reason: "it needs root" }),
    fine("images"),
    fine("browser"),
    fine("chart"),
  ]);
  assert.deepEqual(plan.run, ["check", "unit", "chart", "browser"]);
  assert.deepEqual(plan.cannot, [{ part: "cluster", why: "it needs root" }]);
  assert.ok(announce(plan, []).includes("can't run here: cluster: it needs root"));
});

test("without a browser neither the browser's part nor the cluster's story can run", () => {
  const plan = makePlan(all, [
    fine("cluster"),
    fine("images"),
    fine("browser", { reason: "no chromium" }),
    fine("chart"),
  ]);
  assert.deepEqual(plan.run, ["check", "unit", "chart"]);
});

test("on a cluster of the user's our own isn't needed", () => {
  const plan = makePlan({ ...all, context: "theirs" }, [
    fine("cluster", { reason: "it needs root" }),
    fine("images"),
    fine("browser"),
    fine("chart"),
  ]);
  assert.ok(plan.run.includes("cluster"));
});
