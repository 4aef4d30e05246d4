import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { aliasOf } from "../restart-controller/core/image-reference.ts";
import { helm, refusal, render } from "./render.ts";

// The administrator's chart. What its rules refuse is tried on a real API server in e2e/alias.spec.ts.

const chart = fileURLToPath(new URL("./inpod-admin", import.meta.url));
const golden = fileURLToPath(new URL("./golden-admin/policy.golden.yaml", import.meta.url));
const update = (process.env["INPOD_UPDATE_GOLDEN"] ?? "") !== "";

interface PolicySpec {
  readonly matchConditions: readonly { readonly expression: string }[];
  readonly variables: readonly { readonly name: string; readonly expression: string }[];
}

test("it renders to its golden file, twice the same, and lints", async () => {
  const { text } = await render({}, { chart, release: "inpod-admin" });
  if (update) await writeFile(golden, text);
  assert.equal(text, await readFile(golden, "utf8"));
  await helm(["lint", "--strict", chart, "--kube-version", "1.35.0"]);
});

test("a cluster without the policy's API, and an unknown value, are refused with a sentence", async () => {
  assert.match(await refusal({}, { chart, kubernetes: "1.29.4" }), /1\.29\.4.*needs 1\.30 or later/);
  assert.match(await refusal({ replicas: 1 }, { chart }), /additional properties 'replicas' not allowed/);
});

test("the account that it knows is the one that the chart inpod makes, and the pod that account's", async () => {
  const values = await readFile(join(chart, "../golden/restart-without-backoff.golden.yaml"), "utf8");
  const policy = await policySpec();
  const [, ending = ""] = /endsWith\('([^']+)'\)/.exec(policy.matchConditions[0]?.expression ?? "") ?? [];
  assert.match(values, new RegExp(`serviceAccountName: hello${ending}\\n`));
  assert.match(values, /resourceNames: \[hello-0\]/);
  const pod = policy.variables.find(({ name }) => name === "pod")?.expression ?? "";
  assert.ok(pod.includes(`size('${ending}')`) && pod.endsWith(`+ '-0'`));
});

test("every string that the helper gives an image passes the policy's patterns, and differs in the tag only", async () => {
  const { variables } = await policySpec();
  const pattern = (wanted: string) =>
    new RegExp((variables.find(({ name }) => name === wanted)?.expression ?? "").replaceAll("'", ""));
  const [byDigest, repository, digest] = [pattern("byDigest"), pattern("repository"), pattern("digest")];
  const sha = `@sha256:${"ab".repeat(32)}`;
  for (const image of [`app${sha}`, `shop/app:1.2_a-b${sha}`, `registry.example:5000/team/app:1${sha}`]) {
    const alias = aliasOf(image, Date.parse("2026-01-01T00:00:00Z")) ?? "";
    assert.match(image, byDigest);
    assert.match(alias, byDigest);
    for (const part of [repository, digest]) assert.equal(part.exec(alias)?.[0], part.exec(image)?.[0]);
    assert.equal(repository.exec(alias)?.[0], image.replace(/(:[\w.-]+)?@.*$/, ""));
  }
  for (const image of ["app:1", `app:1${sha}0`, `app:1@sha256:${"AB".repeat(32)}`])
    assert.doesNotMatch(image, byDigest);
});

async function policySpec(): Promise<PolicySpec> {
  const { objects } = await render({}, { chart });
  const spec: unknown = objects.find(({ kind }) => kind === "ValidatingAdmissionPolicy")?.spec;
  assert.ok(spec !== undefined);
  return spec as PolicySpec;
}
