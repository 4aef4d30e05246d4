import assert from "node:assert/strict";
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { chart, render } from "./render.ts";

// What helm prints after an install: golden/NAME.notes.txt. INPOD_UPDATE_GOLDEN=1 writes them anew.

const folder = fileURLToPath(new URL("./golden", import.meta.url));
const update = (process.env["INPOD_UPDATE_GOLDEN"] ?? "") !== "";
const names = (await readdir(folder))
  .filter((name) => name.endsWith(".values.yaml"))
  .map((name) => name.slice(0, -".values.yaml".length))
  .sort();

let copy: string;
before(async () => {
  // `helm template` leaves the notes out, and a dry run of an install wants a cluster.
  copy = await mkdtemp(join(tmpdir(), "inpod-notes-"));
  await cp(chart, copy, { recursive: true });
  await writeFile(
    join(copy, "templates/notes.yaml"),
    'kind: Notes\nmetadata: { name: notes }\nnotes: {{ include (print $.Template.BasePath "/NOTES.txt") . | toJson }}\n',
  );
});
after(() => rm(copy, { recursive: true }));

for (const name of names) {
  test(name, async () => {
    const { objects } = await render({}, { chart: copy, files: [join(folder, `${name}.values.yaml`)] });
    const found = objects.find(({ kind }) => kind === "Notes");
    const notes = (found as { readonly notes?: string } | undefined)?.notes ?? "";
    const golden = join(folder, `${name}.notes.txt`);
    if (update) await writeFile(golden, `${notes.trimEnd()}\n`);
    assert.equal(`${notes.trimEnd()}\n`, await readFile(golden, "utf8"));
    assert.doesNotMatch(notes, /[ \t]$|\n\n\n|<no value>|%!/m);
  });
}
