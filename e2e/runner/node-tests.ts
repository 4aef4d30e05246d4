import { join, relative, resolve } from "node:path";
import { run } from "node:test";
import { inspect } from "node:util";
import type { Tally } from "./tally.ts";

export interface NodeTestsOptions {
  readonly root: string;
  /** Paths from the root. */
  readonly files: readonly string[];
  /** How many files at a time. */
  readonly concurrency: number;
  readonly env: NodeJS.ProcessEnv;
  readonly say: (text: string) => void;
  /** Show what the tests print while they run; else only what a failed file printed. */
  readonly live: boolean;
  /** A run that reports nothing for so long is ended, and counts as failed. */
  readonly silenceMs?: number;
  readonly stop?: AbortSignal;
}

interface FileReport {
  passed: number;
  failed: number;
  skipped: string[];
  output: string[];
  told: boolean;
}

/** What node:test says of each test; the parts that we use. */
interface Reported {
  readonly name: string;
  readonly file?: string;
  readonly nesting: number;
  readonly skip?: string | boolean;
  readonly todo?: string | boolean;
  readonly details?: {
    readonly type?: string;
    readonly duration_ms?: number;
    readonly error?: Error & { readonly failureType?: string };
  };
}

const outputKept = 200;

/** Runs test files, each in a process of its own, prints a line for each and every failure with its output, and counts. */
export async function runNodeTests(options: NodeTestsOptions): Promise<Tally> {
  const { root, files, say, live, silenceMs = 600_000 } = options;
  if (files.length === 0) return { passed: 0, failed: 0, skipped: 0 };
  const reports = new Map<string, FileReport>();
  const reportOf = (file: string | undefined): FileReport => {
    const name = file === undefined ? "" : relative(root, file);
    const found = reports.get(name) ?? { passed: 0, failed: 0, skipped: [], output: [], told: false };
    reports.set(name, found);
    return found;
  };

  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), silenceMs);
  const heard = () => {
    clearTimeout(timer);
    timer = setTimeout(() => silence.abort(), silenceMs);
  };
  const stream = run({
    files: files.map((file) => join(root, file)),
    concurrency: options.concurrency,
    env: options.env,
    signal: AbortSignal.any([silence.signal, ...(options.stop === undefined ? [] : [options.stop])]),
  });

  const onPass = (data: Reported) => {
    const report = reportOf(data.file);
    if (data.file !== undefined && resolve(data.name) === data.file) {
      // node:test takes a file without a test for a test that passed.
      report.failed++;
      say(`\n  FAILED  ${relative(root, data.file)} holds no test\n`);
      return;
    }
    if (data.skip !== undefined && data.skip !== false) return void report.skipped.push(reason(data.name, data.skip));
    if (data.todo !== undefined && data.todo !== false) return void report.skipped.push(reason(data.name, data.todo));
    if (data.details?.type !== "suite") report.passed++;
  };
  const onFail = (data: Reported) => {
    const report = reportOf(data.file);
    const error = data.details?.error;
    if (data.todo !== undefined && data.todo !== false) return void report.skipped.push(reason(data.name, data.todo));
    // Something inside it failed, and was told already.
    if (error?.failureType === "subtestsFailed") return;
    report.failed++;
    const file = data.file === undefined ? "" : `${relative(root, data.file)}: `;
    say(`\n  FAILED  ${file}${data.name}\n${indent(describe(error))}\n`);
  };
  const onOutput = ({ file, message }: { file: string; message: string }) => {
    if (live) return say(message.trimEnd());
    const { output } = reportOf(file);
    output.push(...message.trimEnd().split("\n"));
    output.splice(0, output.length - outputKept);
  };

  try {
    for await (const event of stream as AsyncIterable<{ type: string; data: unknown }>) {
      heard();
      switch (event.type) {
        case "test:pass":
          onPass(event.data as Reported);
          break;
        case "test:fail":
          onFail(event.data as Reported);
          break;
        case "test:stdout":
        case "test:stderr":
          onOutput(event.data as { file: string; message: string });
          break;
        case "test:dequeue":
          reportOf((event.data as Reported).file);
          break;
        case "test:summary": {
          const { file, duration_ms: ms } = event.data as { file?: string; duration_ms: number };
          if (file === undefined) break;
          reportOf(file).told = true;
          say(fileLine(relative(root, file), reportOf(file), live, ms));
          break;
        }
        default:
      }
    }
  } finally {
    clearTimeout(timer);
  }

  const total = { passed: 0, failed: 0, skipped: 0 };
  for (const [name, report] of reports) {
    // A file that died has no summary.
    if (!report.told && report.failed > 0) say(fileLine(name, report, live));
    total.passed += report.passed;
    total.failed += report.failed;
    total.skipped += report.skipped.length;
  }
  if (silence.signal.aborted) {
    say(`\n  FAILED  no test reported anything for ${silenceMs / 60_000} min: the run was ended\n`);
    total.failed++;
  }
  // A file that never reported has not passed.
  for (const file of files.filter((name) => !reports.has(name))) {
    say(`\n  FAILED  ${file} reported nothing\n`);
    total.failed++;
  }
  return total;
}

function fileLine(file: string, { passed, failed, skipped, output }: FileReport, live: boolean, ms?: number): string {
  const counts = [
    `${passed} passed`,
    failed > 0 ? `${failed} FAILED` : "",
    skipped.length > 0 ? `${skipped.length} skipped` : "",
  ];
  const printed = failed > 0 && !live && output.length > 0 ? `\n${indent(`its output:\n${output.join("\n")}`)}` : "";
  const seconds = ms === undefined ? "" : ` (${(ms / 1000).toFixed(1)} s)`;
  const why = skipped.map((text) => `\n      skipped: ${text}`).join("");
  return `  ${file}: ${counts.filter((text) => text !== "").join(", ")}${seconds}${why}${printed}`;
}

function reason(name: string, why: string | boolean): string {
  return typeof why === "string" && why !== "" ? `${name}: ${why}` : name;
}

/** node:test wraps what a test threw; people want what it threw. */
function describe(error: Error | undefined): string {
  if (error === undefined) return "no reason was given";
  const thrown = error.cause ?? error;
  return thrown instanceof Error ? inspect(thrown, { depth: 4 }) : inspect(thrown);
}

function indent(text: string): string {
  return text
    .split("\n")
    .map((line) => `      ${line}`)
    .join("\n");
}
