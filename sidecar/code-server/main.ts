import { homedir } from "node:os";
import { join } from "node:path";
import { CodeServerError } from "./errors.ts";
import { ensureCodeServer } from "./ensure.ts";

/** `node sidecar/code-server/main.ts`: installs code-server into the cache and prints its root, for image builds. */
const cache = process.env["INPOD_CACHE"] ?? join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "inpod");
try {
  const { root, command } = await ensureCodeServer({
    cache,
    node: process.execPath,
    env: process.env,
    path: "",
    progress: (line) => console.error(line),
  });
  console.log(root ?? command[0]);
} catch (error) {
  if (!(error instanceof CodeServerError)) throw error;
  console.error(`${error.title}\n${error.fix}`);
  process.exitCode = 1;
}
