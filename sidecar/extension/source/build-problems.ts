import { join } from "node:path";
import type { Problem, RestartRecord } from "../../protocol/index.ts";

/** Problems by the absolute path of their file. */
export type ProblemsByFile = ReadonlyMap<string, readonly Problem[]>;

/**
 * What the editor shows after a restart has changed: the problems of the build that failed, none after one that went well,
 * undefined when the restart says nothing about a build.
 */
export function problemsAfter({ build }: RestartRecord, sourcePath: string): ProblemsByFile | undefined {
  if (build?.ok === undefined) return undefined;
  const files = new Map<string, Problem[]>();
  if (build.ok) return files;
  for (const problem of build.problems ?? []) {
    const file = problem.file.startsWith("/") ? problem.file : join(sourcePath, problem.file);
    files.set(file, [...(files.get(file) ?? []), problem]);
  }
  return files;
}
