import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { buildKit, KitBuildError } from "./build.ts";
import { builds, run, temporaryDirectory } from "./test-kit.ts";

const calls = ["install", "copy", "live", "probe", "init", "supervise", "ask", "owner"];

for (const { build, kit } of builds) {
  describe(`kit (${build})`, () => {
    test("--help names every call, each call has its own help, --version is the repository's", async (t) => {
      const help = await run(t, kit, ["--help"]);
      assert.equal(help.code, 0);
      for (const call of calls) {
        assert.match(help.out, new RegExp(`^  kit ${call} `, "m"));
        const own = await run(t, kit, [call, "--help"]);
        assert.deepEqual([own.code, own.err], [0, ""]);
        assert.match(own.out, new RegExp(`^kit ${call} `));
      }
      const { version } = JSON.parse(await readFile(join(import.meta.dirname, "../../package.json"), "utf8"));
      assert.equal((await run(t, kit, ["--version"])).out, `kit ${version}\n`);
    });

    const wrong: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /which call/],
      [["lives"], /no call "lives"/],
      [["install"], /where to/],
      [["install", "--force"], /"--force" is no path/],
      [["copy", "/a"], /from where to where/],
      [["copy", "/a", "/b", "/c"], /"\/c" is one argument too many/],
      [["copy", "--image"], /--image needs a value/],
      [["live"], /which file/],
      [["live", "app"], /"app" is not NAME=FILE/],
      [["live", "a/b=/x"], /is not NAME=FILE/],
      [["live", "a=/x", "a=/y"], /the name a comes twice/],
      [["live", "--host", "localhost", "a=/x"], /--host is an address such as 127.0.0.1 or ::1, not "localhost"/],
      [["live", "--port", "70000", "a=/x"], /--port is a number from 0 to 65535, not "70000"/],
      [["live", "--threshold=0", "a=/x"], /--threshold is a number from 1 to 1000, not "0"/],
      [["probe"], /which file/],
      [["probe", "/a", "--threshold", "2x"], /not "2x"/],
      [["init"], /which command/],
      [["init", "--"], /a command is missing/],
      [["init", "--", "true", "--"], /a command is missing/],
      [["init", "--guard", "5", "--", "true"], /--guard is a percentage from 10 to 100, not "5"/],
      [["init", "--umask", "9", "--", "true"], /--umask is an octal number/],
      [["ask", "/a.sock", "restart"], /give SOCKET NAME PROGRAM/],
      [["ask", "/a.sock", "restart", "node", "app"], /a -- before the words/],
      [["owner"], /give one port/],
      [["owner", "http"], /"http" is not a port/],
      [["supervise"], /which command/],
      [["supervise", "--"], /which command/],
      [["supervise", "node"], /"node" is no option/],
      [["supervise", "--grace", "2h", "--", "true"], /--grace is a time such as 2s or 500ms, not "2h"/],
      [["supervise", "--on-crash", "retry", "--", "true"], /--on-crash is hold or exit, not "retry"/],
      [["supervise", "--log-bytes", "1", "--", "true"], /--log-bytes is a number from 4096/],
      [["supervise", "--port", "0", "--", "true"], /--port is a number from 1 to 65535, not "0"/],
      [["supervise", ...Array(9).fill("--port=80"), "--", "true"], /--port 80 is one too many/],
      [["supervise", "--live", "http", "--", "true"], /--live is a port from 1 to 65535, not "http"/],
      [["supervise", "--listen", "8080", "--", "true"], /--listen "8080": it is ADDRESS:PORT such as :8080/],
      [["supervise", "--listen", "localhost:80", "--", "true"], /--listen "localhost:80": it is ADDRESS:PORT/],
      [["supervise", "--listen", "::1:80", "--", "true"], /--listen "::1:80": it is ADDRESS:PORT/],
      [["supervise", "--listen", "[::1]:70000", "--", "true"], /--listen "\[::1\]:70000": it is ADDRESS:PORT/],
      [["supervise", "--listen", "[]:80", "--", "true"], /--listen "\[\]:80": it is ADDRESS:PORT/],
      [
        ["supervise", "--swap-port", "80", "--", "true"],
        /--swap-port is two different ports such as 18080,18081, not "80"/,
      ],
      [["supervise", "--swap-port", "80,80", "--", "true"], /--swap-port is two different ports/],
      [["supervise", "--swap-env", "A=B", "--", "true"], /--swap-env is a variable's name, not "A=B"/],
      [["supervise", "--swap-env", "PORT", "--", "true"], /--swap-env PORT needs --swap-port/],
      [["supervise", "--default-env", "A", "--", "true"], /--default-env is NAME=VALUE or NAME,UNLESS=VALUE, not "A"/],
      [["supervise", "--default-env", "A,=b", "--", "true"], /--default-env is NAME=VALUE .*, not "A,=b"/],
      [["supervise", "--swap-port", "80,81", "--listen", ":80", "--", "true"], /choose one of them/],
      [["supervise", ...Array(17).fill("--listen=:80"), "--", "true"], /--listen ":80": there are too many of them/],
    ];
    for (const [args, sentence] of wrong)
      test(`wrong usage is a sentence and exit 2: kit ${args.join(" ")}`, async (t) => {
        const { code, out, err } = await run(t, kit, args);
        assert.deepEqual([code, out], [2, ""]);
        assert.match(err, sentence);
      });

    test("closed stdin, stdout and stderr are no trouble", async (t) => {
      const { code } = await run(t, "/bin/sh", ["-c", `exec "$0" --version <&- >&- 2>&-`, kit]);
      assert.equal(code, 0);
    });
  });
}

test("with musl the program is static and below 150 KB", async (t) => {
  try {
    execFileSync("musl-gcc", ["--version"], { stdio: "ignore" });
  } catch {
    t.skip("no musl-gcc here (Debian: apt-get install musl-tools)");
    return;
  }
  const kit = await buildKit({ cc: "musl-gcc", out: join(await temporaryDirectory(t), "kit") });
  assert.ok((await stat(kit)).size < 150_000);
  const elf = await readFile(kit);
  assert.equal(elf.includes("/lib/ld-"), false, "it asks for no loader");
});

describe("build", () => {
  test("what is up to date is not built again, and no temporary file is left", async (t) => {
    const directory = await temporaryDirectory(t);
    const out = join(directory, "kit");
    const [a, b] = await Promise.all([buildKit({ out }), buildKit({ out })]);
    const first = await stat(out);
    await buildKit({ out });
    assert.deepEqual([a, b, (await stat(out)).ino], [out, out, first.ino]);
    assert.deepEqual((await readdir(directory)).sort(), ["kit", "kit.stamp"]);
  });

  test("a compiler that isn't there is a sentence with the fix", async () => {
    await assert.rejects(buildKit({ cc: "no-such-cc" }), (error) => {
      assert.ok(error instanceof KitBuildError);
      assert.equal(error.code, "INPOD_KIT_COMPILER");
      assert.match(error.message, /"no-such-cc" can't be run: name another one with --cc/);
      return true;
    });
  });
});
