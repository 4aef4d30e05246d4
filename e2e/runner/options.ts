import { parseArgs } from "node:util";

/** The parts of the tests, in the order they run. */
export const parts = ["check", "unit", "chart", "browser", "cluster"] as const;
export type PartName = (typeof parts)[number];

export interface Options {
  readonly only: readonly PartName[];
  /** A context of the user's kubeconfig: the cluster part runs there instead of on a cluster of its own. */
  readonly context?: string;
  /** Turns everything skipped into a failure. */
  readonly ci: boolean;
  /** Only files whose path contains one of these. */
  readonly files: readonly string[];
}

export const help = `npm test [-- --only PART] [-- --context NAME] [-- FILE…]

Everything: format, lint and types; unit and integration tests; the chart; a browser; a real cluster of its own.
It says first what it will install and what can't run here. The last line counts: N passed, N failed, N skipped.

  --only PART     ${parts.join(", ")}; several with commas
  --context NAME  run the cluster part on a cluster of yours (a context of your kubeconfig)
  FILE            only test files whose path contains this text
  --help          this text

  CI=true         a part or test that is skipped counts as failed

Examples
  npm test -- --only check,unit
  npm test -- --only cluster story
`;

export class UsageError extends Error {}

/** Throws a UsageError that names what is wrong. */
export function parseOptions(argv: readonly string[], env: NodeJS.ProcessEnv): Options | "help" {
  const { values, positionals } = read(argv);
  if (values.help === true) return "help";
  const names = (values.only ?? []).flatMap((list) => list.split(",")).map((name) => name.trim());
  const only = names.map((name) => {
    const part = parts.find((known) => known === name);
    if (part === undefined)
      throw new UsageError(`--only ${name}: there is no such part; there are ${parts.join(", ")}`);
    return part;
  });
  return {
    only: only.length === 0 ? parts : parts.filter((part) => only.includes(part)),
    ci: env["CI"] === "true" || env["CI"] === "1",
    files: positionals,
    ...(values.context === undefined ? {} : { context: values.context }),
  };
}

function read(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        only: { type: "string", multiple: true },
        context: { type: "string" },
        help: { type: "boolean", short: "h" },
      },
    });
  } catch (cause) {
    throw new UsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}
