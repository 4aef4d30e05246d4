import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createCluster, type Cluster, type Profile } from "../cluster/cluster.ts";
import { ensurePeersImage } from "./peers-image.ts";
import { prepareImages } from "../stage.ts";

/** By name: the kubelet's settings that it is run on. */
const suites: Readonly<Record<string, Profile>> = {
  restart: "dev",
  process: "dev",
  save: "dev",
  front: "dev",
  idle: "dev",
  backoff: "default",
  alias: "default",
};

const usage = `usage: npm run bench -- SUITE [--json FILE] [--samples N]

Suites: ${Object.keys(suites).join(", ")}
  restart   container restarts of a static and of a Node app, port-closed times, the recipe inpod started from; idle costs
  process   process restarts: by the supervisor alone, typed in the terminal, of an app that ignores SIGTERM; part of restart
  save      save → served on 200 saves, beside nodemon, entr, watchexec and node --watch; and a fix saved after a crash
  front     requests that fail during 30 process restarts behind the front, and what the front itself costs
  idle      what a workspace costs when nobody does anything
  backoff   the kubelet's crash-loop back-off, foretold and waited for, in ten pods at once; ten minutes. INPOD_RECORD=FILE keeps the table
  alias     twelve container restarts in a row by the image's tag, on the kubelet's own back-off

Runs on a real cluster of its own (root on Debian, as for npm test), all figures side by side in one run; restart takes about
8 minutes. --json writes one object a line to FILE.

Examples:
  npm run bench -- restart --json restart.jsonl
  npm run bench -- idle`;

async function main(argv: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: "string" },
      samples: { type: "string", default: "30" },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const [suite] = positionals;
  const samples = Number(values.samples);
  const profile = suite === undefined ? undefined : suites[suite];
  if (suite === undefined || profile === undefined) {
    const names = Object.keys(suites).join(", ");
    console.error(suite === undefined ? usage : `there is no suite "${suite}"; there are: ${names}`);
    return 2;
  }
  if (!Number.isInteger(samples) || samples < 1) {
    console.error(`--samples ${values.samples}: give a whole number from 1 on`);
    return 2;
  }
  const progress = (line: string) => console.error(`# ${line}`);
  // Inside the cluster's network nothing can be fetched: what the suite needs is built before.
  await prepareImages(progress);
  if (suite === "save") await ensurePeersImage(progress);
  const cluster = await createCluster({ profile, progress });
  try {
    return await runInside(cluster, [
      suite,
      String(samples),
      profile,
      ...(values.json === undefined ? [] : [resolve(values.json)]),
    ]);
  } finally {
    await cluster.close();
  }
}

function runInside(cluster: Cluster, args: readonly string[]): Promise<number> {
  const inside = fileURLToPath(new URL("inside.ts", import.meta.url));
  const [program = "", ...rest] = cluster.nsenter([process.execPath, inside, ...args]);
  return new Promise((done, fail) => {
    const child = spawn(program, rest, { stdio: "inherit", env: { ...process.env, INPOD_CLUSTER: cluster.name } });
    // Ctrl-C reaches both; whoever stops only us means the suite too, and the cluster goes after it.
    const end = () => child.kill("SIGTERM");
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
    child.once("error", fail);
    child.once("exit", (code) => done(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
