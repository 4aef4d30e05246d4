import { basename } from "node:path";
import { nameOwners } from "./port-owner.ts";
import { run } from "./program.ts";

const home = process.env["INPOD_HOME"] ?? "/inpod";
const stop = new AbortController();
process.once("SIGINT", () => stop.abort());
process.once("SIGTERM", () => stop.abort());

// The launchers of `restart` and `inpod` are the same bundle: the name they were called by is told in INPOD_CALLED_AS.
const name = basename(process.env["INPOD_CALLED_AS"] ?? process.argv[1] ?? "inpod").replace(/\.(mjs|ts)$/, "");
// Left by `kit ask`, which had asked the helper to run this before it went away.
const requestId = process.env["INPOD_REQUEST_ID"];

process.exitCode = await run(name === "restart" ? "restart" : "inpod", process.argv.slice(2), {
  env: process.env,
  out: (text) => process.stdout.write(text),
  say: (text) => process.stderr.write(text),
  colour: process.stderr.isTTY && !process.env["NO_COLOR"],
  nameOwners: (port) => nameOwners(home, port, (text) => process.stderr.write(text)),
  stop: stop.signal,
  ...(requestId === undefined ? {} : { requestId }),
});
