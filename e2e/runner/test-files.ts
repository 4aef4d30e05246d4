import { glob } from "node:fs/promises";
import type { PartName } from "./options.ts";

const generated = new Set(["node_modules", "dist", "build"]);

/** Which part a test file belongs to, by its path from the repository's root; undefined when it is no test. */
export function partOf(path: string): PartName | undefined {
  if (path.split("/").some((folder) => generated.has(folder))) return undefined;
  if (path.endsWith(".spec.ts") && path.startsWith("e2e/"))
    return path.startsWith("e2e/browser/") ? "browser" : "cluster";
  if (!path.endsWith(".test.ts")) return undefined;
  return path.startsWith("charts/") ? "chart" : "unit";
}

/** The test files of a part, sorted; of those only the ones whose path contains one of `wanted`, if any are. */
export async function testFiles(root: string, part: PartName, wanted: readonly string[]): Promise<string[]> {
  const found: string[] = [];
  const exclude = (entry: string) => generated.has(entry.split("/").at(-1) ?? "");
  for await (const path of glob("**/*.{test,spec}.ts", { cwd: root, exclude })) {
    if (partOf(path) === part && (wanted.length === 0 || wanted.some((text) => path.includes(text)))) found.push(path);
  }
  return found.sort();
}
