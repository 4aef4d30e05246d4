import { spawn } from "node:child_process";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createCluster } from "../cluster/cluster.ts";
import { ensurePeersImage } from "./peers-image.ts";
import { prepareImages } from "../stage.ts";
import { parts, suiteOf } from "./suites.ts";

const usage = `usage: npm run bench -- SUITE [--json FILE] [--samples N]

Suites:
  restart    all of these, in one run: 45 minutes
${Object.entries(parts)
  .map(([name, { about }]) => `  ${name.padEnd(9)}  ${about}`)
  .join("\n")}

Runs on a real cluster of its own (root on Debian, as for npm test), with whom it is compared side by side in one run. --json
writes one object a line to FILE.

Examples:
  npm run bench -- restart --json restart.jsonl
  npm run bench -- save --json save.jsonl`;

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
  const names = suite === undefined ? undefined : suiteOf(suite);
  if (suite === undefined || names === undefined) {
    const known = ["restart", ...Object.keys(parts)].join(", ");
    console.error(suite === undefined ? usage : `there is no suite "${suite}"; there are: ${known}`);
    return 2;
  }
  if (!Number.isInteger(samples) || samples < 1) {
    console.error(`--samples ${values.samples}: give a whole number from 1 on`);
    return 2;
  }
  const progress = (line: string) => console.error(`# ${line}`);
  const args = [suite, String(samples), ...(values.json === undefined ? [] : [resolve(values.json)])];
  const profile = names.map((name) => parts[name].profile).find((each) => each !== "none");
  if (profile === undefined) return runInside(args, (argv) => argv, process.env);
  // Inside the cluster's network nothing can be fetched: what the suite needs is built before.
  await prepareImages(progress);
  if (names.includes("save")) await ensurePeersImage(progress);
  const cluster = await createCluster({ profile, progress });
  try {
    const env = { ...process.env, INPOD_CLUSTER: cluster.name };
    return await runInside(args, (argv) => cluster.nsenter(argv), env);
  } finally {
    await cluster.close();
  }
}

function runInside(
  args: readonly string[],
  enter: (argv: readonly string[]) => readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const inside = fileURLToPath(new URL("inside.ts", import.meta.url));
  const [program = "", ...rest] = enter([process.execPath, inside, ...args]);
  return new Promise((done, fail) => {
    const child = spawn(program, rest, { stdio: "inherit", env });
    // Ctrl-C reaches both; whoever stops only us means the suite too, and the cluster goes after it.
    const end = () => child.kill("SIGTERM");
    process.once("SIGINT", end);
    process.once("SIGTERM", end);
    child.once("error", fail);
    child.once("exit", (code) => done(code ?? 1));
  });
}

process.exitCode = await main(process.argv.slice(2));
