import { appendFile, writeFile } from "node:fs/promises";
import { openStage } from "../stage.ts";
import type { Bench } from "./bench.ts";
import { tableOf, type Row } from "./row.ts";
import { parts, suiteOf } from "./suites.ts";

// A suite, run where the cluster's addresses answer: started by main.ts as `inside.ts SUITE SAMPLES [FILE]`.

const [suite = "", samples = "", file] = process.argv.slice(2);
const rows: Row[] = [];
if (file !== undefined) await writeFile(file, "");
const bench: Bench = {
  samples: Number(samples),
  async report(row) {
    rows.push(row);
    if (file !== undefined) await appendFile(file, `${JSON.stringify(row)}\n`);
  },
  progress: (line) => console.error(line),
};
for (const name of suiteOf(suite) ?? []) {
  const part = parts[name];
  if (part.profile === "none") {
    const run = await part.load();
    await run(bench);
    continue;
  }
  const run = await part.load();
  // Loading an image that the node has takes no time; the kubelet's settings are changed where they differ.
  const stage = await openStage(part.profile);
  try {
    await run(stage, bench);
  } finally {
    await stage.close();
  }
}
console.log(tableOf(rows));
