import assert from "node:assert/strict";
import { chmod, mkdir, readdir, readFile, readlink, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { builds, run, start, temporaryDirectory } from "./test-kit.ts";

const mode = async (path: string) => (await stat(path)).mode & 0o7777;

for (const { build, kit } of builds) {
  describe(`kit install (${build})`, () => {
    test("puts itself and the liveness files there, whatever the umask", async (t) => {
      const directory = await temporaryDirectory(t);
      const bin = join(directory, "volume/bin");
      const files = ["app", "worker"].map((name) => join(directory, "inpod/app", name, "liveness"));
      const { code, err } = await run(t, "/bin/sh", [
        "-c",
        `umask 077; exec "$@"`,
        "sh",
        kit,
        "install",
        bin,
        ...files,
      ]);
      assert.deepEqual([code, err], [0, ""]);
      assert.deepEqual(await readFile(join(bin, "kit")), await readFile(kit));
      assert.equal(await mode(join(bin, "kit")), 0o755);
      assert.deepEqual(await readdir(bin), ["kit"]);
      for (const file of files) {
        assert.equal(await mode(file), 0o664);
        assert.equal(await mode(join(file, "..")), 0o2775);
      }
      assert.equal((await run(t, join(bin, "kit"), ["--version"])).code, 0);
    });

    test("again, over a running kit and with a liveness file that is there: both fine", async (t) => {
      const directory = await temporaryDirectory(t);
      const file = join(directory, "app/liveness");
      await run(t, kit, ["install", directory, file]);
      start(t, join(directory, "kit"), ["init", "--", "sleep", "100"]);
      await writeFile(file, "mine");
      await writeFile(join(directory, ".kit.new"), "half of an install that was killed");
      const { code, err } = await run(t, join(directory, "kit"), ["install", directory, file]);
      assert.deepEqual([code, err], [0, ""]);
      assert.equal(await readFile(file, "utf8"), "mine");
      assert.deepEqual(await readFile(join(directory, "kit")), await readFile(kit));
      assert.equal((await readdir(directory)).includes(".kit.new"), false);
    });

    test("a link in its place is replaced, not followed; directories that exist keep their mode", async (t) => {
      const directory = await temporaryDirectory(t);
      const victim = join(directory, "victim");
      await writeFile(victim, "precious");
      await mkdir(join(directory, "bin"));
      await chmod(join(directory, "bin"), 0o700);
      await symlink(victim, join(directory, "bin/kit"));
      await symlink(victim, join(directory, "bin/liveness"));
      assert.equal((await run(t, kit, ["install", join(directory, "bin"), join(directory, "bin/liveness")])).code, 0);
      assert.equal(await readFile(victim, "utf8"), "precious");
      assert.equal(await readlink(join(directory, "bin/liveness")), victim);
      assert.equal(await mode(join(directory, "bin")), 0o700);
    });

    test("where it can't be: a sentence", async (t) => {
      const directory = await temporaryDirectory(t);
      await writeFile(join(directory, "file"), "");
      const { code, err } = await run(t, kit, ["install", join(directory, "file")]);
      assert.equal(code, 1);
      assert.match(err, /^kit install: .*file can't be .*: Not a directory/);
      const second = await run(t, kit, ["install", directory, join(directory, "file/liveness")]);
      assert.equal(second.code, 1);
      assert.match(
        second.err,
        /the directory .*file can't be made|the liveness file .* can't be made: Not a directory/,
      );
    });
  });
}
