import { homedir } from "node:os";
import { join } from "node:path";

/** Where everything built lives: outside the repository, shared by all checkouts of the user. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  if (env["INPOD_CACHE"]) return env["INPOD_CACHE"];
  return join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "inpod");
}
