import assert from "node:assert/strict";
import { test } from "node:test";
import { help, parseConfig } from "./config.ts";
import { LocalPodError } from "./errors.ts";

const parse = (argv: string[], env: NodeJS.ProcessEnv = {}) => parseConfig(argv, env, "/home/ann");

test("without anything it is in the user's cache folder, on port 7777", () => {
  assert.deepEqual(parse([]), {
    home: "/home/ann/.cache/inpod/home",
    cache: "/home/ann/.cache/inpod",
    port: 7777,
    appPort: null,
  });
});

test("the environment moves the folders and the port, a flag wins over it", () => {
  assert.deepEqual(parse([], { XDG_CACHE_HOME: "/c", INPOD_PORT: "8000" }), {
    home: "/c/inpod/home",
    cache: "/c/inpod",
    port: 8000,
    appPort: null,
  });
  const env = { INPOD_CACHE: "/big", INPOD_HOME: "/h", INPOD_PORT: "8000" };
  assert.deepEqual(parse(["--port", "9000", "--app-port=9001"], env), {
    home: "/h",
    cache: "/big",
    port: 9000,
    appPort: 9001,
  });
});

test("an empty variable is as good as none", () => {
  assert.deepEqual(parse([], { INPOD_HOME: "", INPOD_CACHE: "" }), parse([]));
});

for (const [argv, env, named] of [
  [["--prot", "1"], {}, /--prot/],
  [["--port", "none"], {}, /--port .*"none"/],
  [["--port", "70000"], {}, /70000/],
  [[], { INPOD_PORT: "0" }, /INPOD_PORT .*"0"/],
  [["something"], {}, /something/],
  [[], { INPOD_CODE_SERVER_ARCHIVE: "a.tar.gz" }, /INPOD_CODE_SERVER_SHA256/],
  [[], { INPOD_CODE_SERVER_ARCHIVE: "a.tar.gz", INPOD_CODE_SERVER_SHA256: "abc" }, /"abc"/],
] as const) {
  test(`${JSON.stringify(argv)} with ${JSON.stringify(env)} is refused, by name`, () => {
    assert.throws(
      () => parse([...argv], env),
      (error: unknown) => {
        assert.ok(error instanceof LocalPodError);
        assert.equal(error.code, "INPOD_USAGE_WRONG");
        assert.match(error.title, named);
        return true;
      },
    );
  });
}

test("an archive comes with its checksum", () => {
  const sha256 = "a".repeat(64);
  const config = parse([], { INPOD_CODE_SERVER_ARCHIVE: "a.tar.gz", INPOD_CODE_SERVER_SHA256: sha256 });
  assert.ok(config !== "help");
  assert.deepEqual(config.archive, { from: "a.tar.gz", sha256 });
});

test("--help names every flag and variable that there is", () => {
  assert.equal(parse(["--help", "--port", "1"]), "help");
  for (const word of ["--port", "--app-port", "INPOD_HOME", "INPOD_CACHE", "INPOD_PORT", "INPOD_CODE_SERVER_ARCHIVE"])
    assert.ok(help.includes(word), word);
});
