import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Which of the app's ports the front was last moved to, so that a front that is killed comes back sending there. */
export interface TargetMemory {
  recall(): Promise<number>;
  keep(port: number): Promise<void>;
}

/** Beside the control socket; only a port of `targets` is believed. */
export function createTargetMemory(socket: string, targets: readonly [number, ...number[]]): TargetMemory {
  const file = `${socket}.target`;
  return {
    async recall() {
      const port = Number(await readFile(file, "utf8").catch(() => ""));
      return targets.includes(port) ? port : targets[0];
    },
    async keep(port) {
      await mkdir(dirname(file), { recursive: true });
      await writeFile(`${file}.new`, String(port));
      await rename(`${file}.new`, file);
    },
  };
}
