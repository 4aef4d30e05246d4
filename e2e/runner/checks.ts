import { glob } from "node:fs/promises";
import { join } from "node:path";
import { runCommand } from "../../sidecar/code-server/command.ts";
import type { Tally } from "./tally.ts";

export interface Check {
  readonly name: string;
  readonly argv: readonly [string, ...string[]];
  /** What to type when it fails. */
  readonly fix: string;
}

/** Format, lint, types (every tsconfig) and dead code; each counts as one test. */
export async function listChecks(root: string): Promise<Check[]> {
  const bin = (name: string) => join(root, "node_modules/.bin", name);
  const configs: string[] = [];
  const exclude = (path: string) => /(^|\/)(node_modules|dist|build)$/.test(path);
  for await (const path of glob("**/tsconfig.json", { cwd: root, exclude })) configs.push(path);
  return [
    { name: "format", argv: [bin("oxfmt"), "--check", "."], fix: "npm run format" },
    { name: "lint", argv: [bin("oxlint"), "--type-aware", "--deny-warnings"], fix: "npm run check shows it again" },
    ...configs.sort().map((path): Check => ({
      name: `types of ${path}`,
      argv: [bin("tsc"), "-p", path],
      fix: `npx tsc -p ${path}`,
    })),
    { name: "dead code", argv: [bin("knip"), "--no-progress"], fix: "npx knip" },
  ];
}

export async function runChecks(root: string, env: NodeJS.ProcessEnv, say: (text: string) => void): Promise<Tally> {
  const tally = { passed: 0, failed: 0, skipped: 0 };
  for (const { name, argv, fix } of await listChecks(root)) {
    const started = Date.now();
    const [program, ...args] = argv;
    const { code, output } = await runCommand(program, args, { cwd: root, env });
    const seconds = ((Date.now() - started) / 1000).toFixed(1);
    if (code === 0) {
      tally.passed++;
      say(`  ${name}: passed (${seconds} s)`);
    } else {
      tally.failed++;
      say(
        `\n  FAILED  ${name} (${seconds} s); ${fix}\n${output
          .trimEnd()
          .split("\n")
          .slice(-200)
          .map((line) => `      ${line}`)
          .join("\n")}\n`,
      );
    }
  }
  return tally;
}
