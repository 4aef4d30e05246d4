import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chart, helm, render } from "./render.ts";

// Each golden/NAME.values.yaml must render to golden/NAME.golden.yaml. After a change that is meant:
// INPOD_UPDATE_GOLDEN=1 node --test charts/golden.test.ts, and read the diff.

const folder = fileURLToPath(new URL("./golden", import.meta.url));
const examples = fileURLToPath(new URL("../examples", import.meta.url));
const update = (process.env["INPOD_UPDATE_GOLDEN"] ?? "") !== "";

const names = (await readdir(folder))
  .filter((name) => name.endsWith(".values.yaml"))
  .map((name) => name.slice(0, -".values.yaml".length))
  .sort();

describe("golden renders", { concurrency: 2 }, () => {
  for (const name of names) {
    test(name, async () => {
      const files = [join(folder, `${name}.values.yaml`)];
      const { text } = await render({}, { files });
      const golden = join(folder, `${name}.golden.yaml`);
      if (update) await writeFile(golden, text);
      assert.equal(text, await readFile(golden, "utf8"));
      assert.equal((await render({}, { files })).text, text, "a second render is the same, byte by byte");
      assert.doesNotMatch(text, /[ \t]$/m, "no space at the end of a line");
      assert.doesNotMatch(text, /^\s*$\n^\s*$/m, "no two empty lines");
      assert.doesNotMatch(text, /<no value>|%!|<nil>/, "no value is missing");
    });

    test(`${name}: helm lint --strict`, async () => {
      const values = join(folder, `${name}.values.yaml`);
      await helm(["lint", "--strict", chart, "--kube-version", "1.35.0", "--values", values]);
    });
  }
});

test("the goldens are those of the values files, no more", async () => {
  const goldens = (await readdir(folder)).filter((name) => name.endsWith(".golden.yaml")).sort();
  assert.deepEqual(
    goldens,
    names.map((name) => `${name}.golden.yaml`),
  );
});

test("every example's values render", async () => {
  const found = (await readdir(examples, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  assert.ok(found.length >= 2);
  for (const { name } of found) {
    const { objects } = await render({}, { files: [join(examples, name, "values.yaml")] });
    assert.ok(objects.some(({ kind }) => kind === "StatefulSet"));
  }
});
