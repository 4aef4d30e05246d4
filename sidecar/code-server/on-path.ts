import { access, constants, realpath } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { runCommand } from "./command.ts";
import { codeServerVersion } from "./version.ts";

/** The code-server that the PATH finds first: its file and version; undefined when there is none. */
export async function codeServerOnPath(path: string): Promise<{ program: string; version: string } | undefined> {
  for (const folder of path.split(delimiter).filter((name) => name !== "")) {
    const program = join(folder, "code-server");
    if (!(await isExecutable(program))) continue;
    // First line: `4.139.1 53c2f3253bcf… with Code 1.139.1`.
    const { code, output } = await runCommand(program, ["--version"], { env: { PATH: path, HOME: "/nonexistent" } });
    const version = /^(\d+\.\d+\.\d+)\b/m.exec(output)?.[1];
    return code === 0 && version !== undefined ? { program: await realpath(program), version } : undefined;
  }
  return undefined;
}

export function fits(version: string): boolean {
  return version === codeServerVersion;
}

function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}
