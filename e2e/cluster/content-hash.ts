import { createHash } from "node:crypto";
import { lstat, readdir, readFile, readlink } from "node:fs/promises";
import { join } from "node:path";

/** One hash over files and folders (relative to `root`): names, contents, and whether a file may be executed. */
export async function contentHash(
  root: string,
  paths: readonly string[],
  extra: readonly string[] = [],
): Promise<string> {
  const hash = createHash("sha256");
  for (const line of extra) hash.update(`extra ${line}\0`);
  const add = async (path: string): Promise<void> => {
    const full = join(root, path);
    const stats = await lstat(full);
    if (stats.isDirectory()) {
      for (const name of (await readdir(full)).sort()) await add(join(path, name));
    } else if (stats.isSymbolicLink()) {
      hash.update(`link ${path}\0${await readlink(full)}\0`);
    } else {
      hash.update(`file ${path} ${stats.mode & 0o111} ${stats.size}\0`).update(await readFile(full));
    }
  };
  for (const path of paths) await add(path);
  return hash.digest("hex");
}
