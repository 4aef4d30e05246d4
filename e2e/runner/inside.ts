import { fileURLToPath } from "node:url";
import { runNodeTests } from "./node-tests.ts";

// The cluster's specs, run where the cluster's addresses answer: started by in-network.ts, which hears the count.

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => stop.abort());

const tally = await runNodeTests({
  root: fileURLToPath(new URL("../..", import.meta.url)),
  files: process.argv.slice(2),
  concurrency: 1,
  env: process.env,
  say: (text) => process.stdout.write(`${text}\n`),
  live: true,
  stop: stop.signal,
});
process.send?.(tally);
process.disconnect?.();
