import { appendFile, writeFile } from "node:fs/promises";
import { openStage } from "../stage.ts";
import { aliasSuite } from "./alias.ts";
import { backoffSuite } from "./backoff.ts";
import type { Bench } from "./bench.ts";
import { frontSuite } from "./front.ts";
import { idleSuite } from "./idle.ts";
import { processSuite } from "./process.ts";
import { restartSuite } from "./restart.ts";
import { saveSuite } from "./save.ts";
import { tableOf, type Row } from "./row.ts";

// A suite, run where the cluster's addresses answer: started by main.ts as `inside.ts SUITE SAMPLES PROFILE [FILE]`.

const suites: Readonly<
  Record<string, readonly ((stage: Awaited<ReturnType<typeof openStage>>, bench: Bench) => Promise<void>)[]>
> = {
  restart: [restartSuite, processSuite, idleSuite],
  process: [processSuite],
  save: [saveSuite],
  front: [frontSuite],
  idle: [idleSuite],
  backoff: [backoffSuite],
  alias: [aliasSuite],
};

const [suite = "", samples = "", profile, file] = process.argv.slice(2);
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
const stage = await openStage(profile === "default" ? "default" : "dev");
try {
  for (const run of suites[suite] ?? []) await run(stage, bench);
} finally {
  await stage.close();
}
console.log(tableOf(rows));
