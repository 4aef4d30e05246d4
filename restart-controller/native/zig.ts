/** A C compiler for other processors: Zig's, as the Python package that it is published as, in the cache folder. */
import { execFile } from "node:child_process";
import { access, chmod, mkdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);
const VERSION = "0.15.2";

/** The compiler for `--cc`; fetches it on first use (80 MB). Throws with pip's words where it can't be had. */
export async function ensureZig(target: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const cache = env["INPOD_CACHE"] || join(env["XDG_CACHE_HOME"] || join(homedir(), ".cache"), "inpod");
  const folder = join(cache, "tools", `zig-${VERSION}`);
  const zig = join(folder, "ziglang", "zig");
  const isThere = await access(zig).then(
    () => true,
    () => false,
  );
  if (!isThere) {
    const temporary = `${folder}.${process.pid}`;
    await mkdir(join(cache, "tools"), { recursive: true });
    const quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--root-user-action=ignore", "--no-compile"];
    const what = ["--no-deps", "--only-binary", ":all:", "--target", temporary, `ziglang==${VERSION}`];
    try {
      await run("python3", ["-m", "pip", "install", ...quiet, ...what]);
      await chmod(join(temporary, "ziglang", "zig"), 0o755);
      await rename(temporary, folder); // who comes second finds it there, which is as good
    } catch (error) {
      await rm(temporary, { recursive: true, force: true });
      await access(zig).catch(() => {
        throw error;
      });
    }
  }
  return `env ZIG_GLOBAL_CACHE_DIR=${folder}-cache ZIG_LOCAL_CACHE_DIR=${folder}-cache ${zig} cc -target ${target}`;
}
