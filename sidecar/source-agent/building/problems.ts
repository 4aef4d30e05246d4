import { stripVTControlCharacters } from "node:util";
import type { Problem } from "../../protocol/index.ts";

/** More than a person reads; the rest is in the output. */
const most = 200;
const longest = 2000;

/**
 * What compilers complain about, from what they print: go, tsc, gcc and clang, rustc and cargo (short and long), javac, python, and whoever
 * else writes `file:line:column: message`. Lines that are none of these are nobody's problem.
 */
export function parseProblems(output: string): readonly Problem[] {
  const lines = stripVTControlCharacters(output).split(/\r?\n/);
  const found: Problem[] = [];
  for (let i = 0; i < lines.length && found.length < most; i++) {
    const line = lines[i] ?? "";
    if (line.length > longest) continue;
    const problem = tsc(line) ?? rustLong(lines, i) ?? python(lines, i) ?? javac(lines, i) ?? colons(line);
    if (problem !== undefined && !found.some((known) => same(known, problem))) found.push(problem);
  }
  return found;
}

/** `src/a.ts(3,5): error TS2322: …`, and with --pretty `src/a.ts:3:5 - error TS2322: …` */
function tsc(line: string): Problem | undefined {
  const found = /^(.+?)(?:\((\d+),(\d+)\):|:(\d+):(\d+) -) (error|warning) (TS\d+: .+)$/.exec(line);
  if (found === null) return undefined;
  const [, file = "", l1, c1, l2, c2, severity, message = ""] = found;
  return make(file, l1 ?? l2, c1 ?? c2, severity, message);
}

/** `error[E0308]: mismatched types`, and on the next line `  --> src/main.rs:4:18` */
function rustLong(lines: readonly string[], i: number): Problem | undefined {
  const place = /^\s*--> (.+):(\d+):(\d+)$/.exec(lines[i] ?? "");
  const head = /^(error|warning)(?:\[\w+\])?: (.+)$/.exec(lines[i - 1] ?? "");
  if (place === null || head === null) return undefined;
  return make(place[1] ?? "", place[2], place[3], head[1], head[2] ?? "");
}

/** `  File "a.py", line 3`, the source line, a caret, and then `SyntaxError: …` */
function python(lines: readonly string[], i: number): Problem | undefined {
  const place = /^\s*(?:\*\*\* Error compiling .*|File "(.+?)", line (\d+).*)$/.exec(lines[i] ?? "");
  const [, file, line] = place ?? [];
  if (file === undefined) return undefined;
  let column: string | undefined;
  for (let j = i + 1; j <= i + 3 && j < lines.length; j++) {
    const text = lines[j] ?? "";
    const message = /^\s*(?:Sorry: )?((?:Syntax|Indentation|Tab)Error: .+)$/.exec(text)?.[1];
    if (message !== undefined) return make(file, line, column, "error", message);
    // Python moves the line four to the right.
    const caret = /^ {4}(\s*)\^/.exec(text)?.[1];
    if (caret !== undefined) column = String(caret.length + 1);
  }
  return undefined;
}

/** `App.java:5: error: …`, then the source line, then a caret under the column. */
function javac(lines: readonly string[], i: number): Problem | undefined {
  const found = /^(.+\.java):(\d+): (?:(error|warning): )(?:\[\w+\] )?(.+)$/.exec(lines[i] ?? "");
  if (found === null) return undefined;
  const caret = lines.slice(i + 1, i + 5).find((text) => /^\s*\^\s*$/.test(text));
  return make(
    found[1] ?? "",
    found[2],
    caret === undefined ? undefined : String(caret.indexOf("^") + 1),
    found[3],
    found[4] ?? "",
  );
}

/**
 * `./main.go:5:2: undefined: x` (go), `a.c:5:2: error: …` (gcc, clang), `src/main.rs:4:18: error[E0308]: …` (rustc and cargo with short messages),
 * `a.c:5: error: …`. Without a severity, only a file with an extension counts: a time or an address is none.
 */
function colons(line: string): Problem | undefined {
  const found =
    /^(?:vet: |# )?((?:[A-Za-z]:)?[^\s:()][^:()]*?):(\d+)(?::(\d+))?: (?:(fatal error|error|warning|note)(?:\[\w+\])?: )?(.+)$/.exec(
      line,
    );
  if (found === null) return undefined;
  const [, file = "", at, column, severity, message = ""] = found;
  if (severity === "note" || (severity === undefined && !/\.[A-Za-z]\w{0,7}$/.test(file))) return undefined;
  return make(file, at, column, severity, message);
}

function make(
  file: string,
  line: string | undefined,
  column: string | undefined,
  severity: string | undefined,
  message: string,
): Problem {
  return {
    file: file.replace(/^\.\//, ""),
    line: within(line),
    ...(column === undefined ? {} : { column: within(column) }),
    severity: severity === "warning" ? "warning" : "error",
    message: message.trim(),
  };
}

function same(a: Problem, b: Problem): boolean {
  return a.file === b.file && a.line === b.line && a.column === b.column && a.message === b.message;
}

/** No file has a line 0, nor a billion of them. */
const within = (text: string | undefined) => Math.min(1_000_000, Math.max(1, Number(text)));
