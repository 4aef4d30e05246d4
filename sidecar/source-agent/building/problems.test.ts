import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseProblems } from "./problems.ts";

const short = (output: string) =>
  parseProblems(output).map(
    ({ file, line, column, severity, message }) => `${file}|${line}|${column ?? "-"}|${severity}|${message}`,
  );

describe("what each compiler prints", () => {
  for (const [name, output, expected] of [
    [
      "go",
      `# example.com/hello
./main.go:12:2: undefined: greting
lib/x.go:3:8: "os" imported and not used
main.go:7:1: syntax error: non-declaration statement outside function body
note: module requires Go 1.27`,
      [
        "main.go|12|2|error|undefined: greting",
        'lib/x.go|3|8|error|"os" imported and not used',
        "main.go|7|1|error|syntax error: non-declaration statement outside function body",
      ],
    ],
    ["go vet", "vet: ./main.go:9:15: fmt.Printl undefined", ["main.go|9|15|error|fmt.Printl undefined"]],
    [
      "tsc",
      `src/a.ts(3,5): error TS2322: Type 'string' is not assignable to type 'number'.
Found 1 error.`,
      ["src/a.ts|3|5|error|TS2322: Type 'string' is not assignable to type 'number'."],
    ],
    [
      "tsc --pretty",
      "\u001B[96msrc/a.ts\u001B[0m:\u001B[93m3\u001B[0m:\u001B[93m5\u001B[0m - \u001B[91merror\u001B[0m\u001B[90m TS2322: \u001B[0mType 'x'.",
      ["src/a.ts|3|5|error|TS2322: Type 'x'."],
    ],
    [
      "gcc",
      `a.c: In function 'main':
a.c:3:5: warning: unused variable 'y' [-Wunused-variable]
a.c:4:3: error: 'x' undeclared (first use in this function)
    4 |   x = 1;
a.c:4:3: note: each undeclared identifier is reported only once
a.c:9:10: fatal error: nope.h: No such file or directory
In file included from a.c:1:`,
      [
        "a.c|3|5|warning|unused variable 'y' [-Wunused-variable]",
        "a.c|4|3|error|'x' undeclared (first use in this function)",
        "a.c|9|10|error|nope.h: No such file or directory",
      ],
    ],
    [
      "rustc and cargo, short",
      `src/main.rs:4:18: error[E0308]: mismatched types: expected \`i32\`, found \`&str\`
src/lib.rs:1:5: warning: unused import: \`std::fs\`
error: could not compile \`hello\` due to 1 previous error`,
      [
        "src/main.rs|4|18|error|mismatched types: expected `i32`, found `&str`",
        "src/lib.rs|1|5|warning|unused import: `std::fs`",
      ],
    ],
    [
      "rustc, long",
      `error[E0308]: mismatched types
 --> src/main.rs:4:18
  |
4 |     let x: i32 = "a";`,
      ["src/main.rs|4|18|error|mismatched types"],
    ],
    [
      "javac",
      `src/App.java:5: error: ';' expected
    int x = 1
             ^
src/App.java:9: warning: [deprecation] stop() in Thread has been deprecated
1 error`,
      ["src/App.java|5|14|error|';' expected", "src/App.java|9|-|warning|stop() in Thread has been deprecated"],
    ],
    [
      "python",
      `  File "app/main.py", line 3
    def f(
         ^
SyntaxError: '(' was never closed`,
      ["app/main.py|3|6|error|SyntaxError: '(' was never closed"],
    ],
    [
      "python -m compileall",
      `*** Error compiling './b.py'...
  File "./b.py", line 2
    x = = 1
        ^
SyntaxError: invalid syntax
`,
      ["b.py|2|5|error|SyntaxError: invalid syntax"],
    ],
  ] as const)
    test(name, () => assert.deepEqual(short(output), expected));
});

test("what only looks like a place is none", () => {
  const output = `2026-11-21T15:04:05: listening
12:30:01: done
listening on 127.0.0.1:8080: ok
http://localhost:3000: ready
Traceback (most recent call last):
  File "x.py", line 1, in <module>
ValueError: no`;
  assert.deepEqual(parseProblems(output), []);
});

test("one place is named once, and a flood is bounded", () => {
  assert.equal(parseProblems("a.go:1:1: x\na.go:1:1: x\n").length, 1);
  const flood = Array.from({ length: 5000 }, (_, i) => `a.go:${i + 1}:1: x`).join("\n");
  assert.equal(parseProblems(flood).length, 200);
  assert.deepEqual(parseProblems(`${"a".repeat(100_000)}:1:1: x`), []);
});

test("a real compiler's words are understood", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "inpod-cc-"));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, "a.c"), "int main(void)\n{\n\treturn nope;\n}\n");
  let output = "";
  try {
    execFileSync("cc", ["-c", "-o", "/dev/null", "a.c"], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
      encoding: "utf8",
    });
  } catch (error) {
    output = String((error as { stderr?: string }).stderr);
  }
  const [problem] = parseProblems(output);
  assert.equal(problem?.file, "a.c");
  assert.equal(problem.line, 3);
  assert.equal(problem.severity, "error");
});
