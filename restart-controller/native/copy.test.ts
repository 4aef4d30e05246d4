import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmod,
  chown,
  link,
  lstat,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { builds, run, sleep, start, temporaryDirectory } from "./test-kit.ts";

const mode = async (path: string) => (await lstat(path)).mode & 0o7777;
const root = process.getuid?.() === 0;

async function trees(t: TestContext) {
  const directory = await temporaryDirectory(t);
  const [from, to] = [join(directory, "image"), join(directory, "volume")];
  await mkdir(join(from, "src/deep/er"), { recursive: true });
  await writeFile(join(from, "server.js"), "original");
  await writeFile(join(from, "src/a.txt"), "a");
  await writeFile(join(from, "src/deep/er/b.txt"), "b");
  return { directory, from, to };
}

/** Everything below a directory: path, kind, content. */
async function snapshot(path: string): Promise<string[]> {
  const names = await readdir(path, { recursive: true });
  const lines = names.map(async (name) => {
    const full = join(path, name);
    const { mode, mtimeMs } = await lstat(full);
    const content = await readFile(full, "utf8").catch(() => "");
    return `${name} ${mode.toString(8)} ${mtimeMs} ${content}`;
  });
  return (await Promise.all(lines)).sort();
}

for (const { build, kit } of builds) {
  const copy = (t: TestContext, ...args: string[]) => run(t, kit, ["copy", ...args]);

  describe(`kit copy (${build})`, () => {
    test("copies the tree and leaves the marker", async (t) => {
      const { from, to } = await trees(t);
      const { code, err } = await copy(t, "--image", 'repo/app:1@"x"', from, to);
      assert.equal(code, 0, err);
      assert.match(err, /3 files .* 3 directories, 0 links .*0 existing kept/);
      assert.equal(await readFile(join(to, "src/deep/er/b.txt"), "utf8"), "b");
      const marker: Record<string, unknown> = JSON.parse(await readFile(join(to, ".inpod/source.json"), "utf8"));
      assert.deepEqual([marker["v"], marker["from"], marker["image"]], [1, from, 'repo/app:1@"x"']);
      assert.ok(Math.abs(Date.parse(String(marker["at"])) - Date.now()) < 60_000);
      assert.deepEqual((await readdir(join(to, ".inpod"))).sort(), [".gitignore", "source.json"]);
      assert.equal(await readFile(join(to, ".inpod/.gitignore"), "utf8"), "*\n");
    });

    test("with the marker there nothing is touched: edits stay, deleted files stay deleted", async (t) => {
      const { from, to } = await trees(t);
      await copy(t, "--image", "app:1", from, to);
      await writeFile(join(to, "server.js"), "edited");
      await rm(join(to, "src"), { recursive: true });
      const before = await snapshot(to);
      const same = await copy(t, "--image", "app:1", from, to);
      assert.deepEqual([same.code, same.err], [0, ""]);
      const other = await copy(t, "--image", "app:2", from, to);
      assert.equal(other.code, 0);
      assert.equal(
        other.err,
        "kit copy: the image changed: was app:1, now app:2; your files are kept: inpod source update\n",
      );
      assert.deepEqual(await snapshot(to), before);
    });

    test("a first run into a volume with files: what exists is never overwritten, also not through links", async (t) => {
      const { directory, from, to } = await trees(t);
      const outside = join(directory, "outside");
      await mkdir(outside);
      await mkdir(to);
      await writeFile(join(to, "server.js"), "mine");
      await symlink(outside, join(to, "src"));
      await symlink("/nowhere", join(to, "dangling"));
      await writeFile(join(from, "dangling"), "from the image");
      const { code, err } = await copy(t, from, to);
      assert.equal(code, 0, err);
      assert.match(err, /3 existing kept/);
      assert.equal(await readFile(join(to, "server.js"), "utf8"), "mine");
      assert.deepEqual(await readdir(outside), []);
      assert.equal(await readlink(join(to, "dangling")), "/nowhere");
    });

    test("a file where the image has a directory, and a directory where it has a file, stay", async (t) => {
      const { from, to } = await trees(t);
      await mkdir(join(to, "server.js"), { recursive: true });
      await writeFile(join(to, "src"), "a file");
      assert.equal((await copy(t, from, to)).code, 0);
      assert.equal(await readFile(join(to, "src"), "utf8"), "a file");
      assert.ok((await stat(join(to, "server.js"))).isDirectory());
    });

    test("killed at any moment and run again: whole, every file whole at every moment, no temporary files", async (t) => {
      const { from, to } = await trees(t);
      const big = Buffer.alloc(3_000_000, "0123456789");
      for (let i = 0; i < 40; i++) await writeFile(join(from, `src/file-${i}`), big);
      let interrupted = 0;
      for (let i = 0; i < 30; i++) {
        const copying = start(t, kit, ["copy", from, to]);
        await Promise.race([sleep(2 + i * 3), copying.ended]);
        copying.process.kill("SIGKILL");
        if ((await copying.ended) === "SIGKILL") interrupted++;
        for (const name of await readdir(join(to, "src")).catch(() => []))
          if (name.startsWith("file-")) assert.equal((await stat(join(to, "src", name))).size, big.length, name);
      }
      t.diagnostic(`${interrupted} of 30 runs were killed`);
      assert.ok(interrupted > 0);
      assert.equal((await copy(t, from, to)).code, 0);
      for (let i = 0; i < 40; i++) assert.ok(big.equals(await readFile(join(to, `src/file-${i}`))));
      assert.deepEqual((await readdir(join(to, ".inpod"))).sort(), [".gitignore", "source.json"]);
    });

    test("keeps modes (the group gets what the owner has), times, links; no setuid", async (t) => {
      const { from, to } = await trees(t);
      await chmod(join(from, "server.js"), 0o4750);
      await chmod(join(from, "src/a.txt"), 0o604);
      await mkdir(join(from, "readonly"));
      await writeFile(join(from, "readonly/f"), "");
      await chmod(join(from, "readonly"), 0o555);
      await symlink("../server.js", join(from, "src/link"));
      await symlink("/etc/passwd", join(from, "src/absolute"));
      await symlink("nowhere", join(from, "src/dangling"));
      await link(join(from, "src/a.txt"), join(from, "src/hard"));
      const then = new Date("2001-02-03T04:05:06Z");
      for (const name of ["server.js", "src/deep", "src"]) await utimes(join(from, name), then, then);
      const { code } = await run(t, "/bin/sh", ["-c", `umask 077; exec "$@"`, "sh", kit, "copy", from, to]);
      assert.equal(code, 0);
      assert.equal(await mode(join(to, "server.js")), 0o770);
      assert.equal(await mode(join(to, "src/a.txt")), 0o664);
      assert.equal(await mode(join(to, "src")), 0o2775);
      assert.equal(await mode(join(to, "readonly")), 0o2555);
      assert.equal(await readlink(join(to, "src/link")), "../server.js");
      assert.equal(await readlink(join(to, "src/absolute")), "/etc/passwd");
      assert.equal(await readlink(join(to, "src/dangling")), "nowhere");
      assert.equal(await readFile(join(to, "src/hard"), "utf8"), "a");
      for (const name of ["server.js", "src/deep", "src"])
        assert.equal((await stat(join(to, name))).mtimeMs, then.getTime());
      await chmod(join(from, "readonly"), 0o755);
      await chmod(join(to, "readonly"), 0o755);
    });

    test("what the app makes later with a umask of its own stays writable for the group", async (t) => {
      const { from, to } = await trees(t);
      await copy(t, from, to);
      const probe = join(to, "src/probe");
      execFileSync("/bin/sh", ["-c", `umask 022; : > "$0"`, probe]);
      const file = await mode(probe);
      if (file === 0o644) t.skip("this file system has no POSIX ACLs");
      else assert.equal(file, 0o664);
    });

    test("links out of the tree lead nothing out of the volume, links in are not walked", async (t) => {
      const { directory, from, to } = await trees(t);
      await symlink(directory, join(from, "up"));
      await symlink(".", join(from, "loop"));
      assert.equal((await copy(t, from, to)).code, 0);
      assert.equal(await readlink(join(to, "up")), directory);
      assert.equal(await readlink(join(to, "loop")), ".");
    });

    test("a tree 1500 deep, far longer than any path may be", async (t) => {
      const { directory, from, to } = await trees(t);
      // No single path reaches the bottom: each round puts what there is at the bottom of a new chain.
      let chain = join(directory, "bottom");
      await mkdir(chain);
      await writeFile(join(chain, "f"), "bottom");
      for (let round = 0; round < 5; round++) {
        const top = join(directory, `chain-${round}`);
        const lowest = join(top, ...Array<string>(300).fill("directory"));
        await mkdir(lowest, { recursive: true });
        await rename(chain, join(lowest, "directory"));
        chain = top;
      }
      await rename(chain, join(from, "deep"));
      const { code, err } = await copy(t, from, to);
      assert.equal(code, 0, err);
      assert.match(err, / 1509 directories/);
      const found = execFileSync("find", [to, "-name", "f", "-execdir", "cat", "{}", ";"]);
      assert.equal(found.toString(), "bottom");
      for (const path of [from, to]) execFileSync("rm", ["-rf", path]);
    });

    test("holes stay holes, big files are right", async (t) => {
      const { from, to } = await trees(t);
      await writeFile(join(from, "sparse"), "start");
      await truncate(join(from, "sparse"), 300_000_000);
      execFileSync("/bin/sh", [
        "-c",
        `printf middle | dd of="$0" bs=1 seek=100000000 conv=notrunc 2>/dev/null`,
        join(from, "sparse"),
      ]);
      assert.equal((await copy(t, from, to)).code, 0);
      assert.equal((await stat(join(to, "sparse"))).size, 300_000_000);
      assert.ok((await stat(join(to, "sparse"))).blocks * 512 < 10_000_000);
      execFileSync("cmp", [join(from, "sparse"), join(to, "sparse")]);
    });

    test("sockets and FIFOs are left out and counted, SRC/.inpod is left out", async (t) => {
      const { from, to } = await trees(t);
      execFileSync("mkfifo", [join(from, "fifo")]);
      await mkdir(join(from, ".inpod"));
      await writeFile(join(from, ".inpod/source.json"), "the image's own");
      const { code, err } = await copy(t, from, to);
      assert.equal(code, 0);
      assert.match(err, /1 special files/);
      assert.notEqual(await readFile(join(to, ".inpod/source.json"), "utf8"), "the image's own");
    });

    test("DST inside SRC ends; the same directory is refused; names with newlines and bytes beyond ASCII", async (t) => {
      const { from } = await trees(t);
      await writeFile(join(from, "new\nline \u{1f600} ä"), "odd");
      const inside = join(from, "src/volume");
      assert.equal((await copy(t, from, inside)).code, 0);
      assert.equal(await readFile(join(inside, "new\nline \u{1f600} ä"), "utf8"), "odd");
      await assert.rejects(stat(join(inside, "src/volume")));
      await rm(inside, { recursive: true });
      const { code, err } = await copy(t, from, from);
      assert.equal(code, 1);
      assert.match(err, /the same directory/);
    });

    test("a link in the place of .inpod is refused, not followed", async (t) => {
      const { directory, from, to } = await trees(t);
      await mkdir(to);
      await mkdir(join(directory, "elsewhere"));
      await symlink(join(directory, "elsewhere"), join(to, ".inpod"));
      const { code, err } = await copy(t, from, to);
      assert.equal(code, 1);
      assert.match(err, /\.inpod is no directory that can be used/);
      assert.deepEqual(await readdir(join(directory, "elsewhere")), []);
    });

    test("a missing SRC is a sentence", async (t) => {
      const { to } = await trees(t);
      const { code, err } = await copy(t, "/nowhere", to);
      assert.equal(code, 1);
      assert.match(err, /\/nowhere can't be opened: No such file or directory; SRC is a directory of this image/);
      await assert.rejects(stat(to));
    });

    test("files this user can't read: named, the rest copied, exit 1 and no marker; with --skip-unreadable 0", async (t) => {
      const { directory, from, to } = await trees(t);
      for (const name of ["secret", "src/key"]) {
        await writeFile(join(from, name), "x");
        await chmod(join(from, name), 0o000);
      }
      await mkdir(to);
      const user = root ? { uid: 65532, gid: 65532 } : {};
      if (root) for (const path of [directory, to]) await chown(path, 65532, 65532);
      const first = await run(t, kit, ["copy", from, to], user);
      assert.equal(first.code, 1);
      assert.match(first.err, /^kit copy: secret can't be read: Permission denied$/m);
      assert.match(first.err, /^kit copy: src\/key can't be read: Permission denied$/m);
      assert.match(first.err, /2 names in .* can't be read by uid \d+: .*--skip-unreadable/);
      assert.equal(await readFile(join(to, "src/deep/er/b.txt"), "utf8"), "b");
      await assert.rejects(stat(join(to, ".inpod/source.json")));
      const second = await run(t, kit, ["copy", "--skip-unreadable", from, to], user);
      assert.equal(second.code, 0);
      await stat(join(to, ".inpod/source.json"));
    });

    test("a volume that can't be written is a sentence", async (t) => {
      const { directory, from, to } = await trees(t);
      await mkdir(to);
      await chmod(directory, 0o755);
      await chmod(to, 0o555);
      const { code, err } = await run(t, kit, ["copy", from, to], root ? { uid: 65532, gid: 65532 } : {});
      assert.equal(code, 1);
      assert.match(err, /can't be written to .*volume: Permission denied; the volume must be writable for uid \d+/);
    });

    test("a full volume is a sentence with the fix, leaves no temporary file, and a larger one goes on", async (t) => {
      const { directory, from, to } = await trees(t);
      await writeFile(join(from, "src/huge"), Buffer.alloc(4_000_000, "x"));
      await mkdir(to);
      try {
        execFileSync("unshare", ["-m", "mount", "-t", "tmpfs", "tmpfs", to], { stdio: "ignore" });
      } catch {
        t.skip("mounting a small file system needs root");
        return;
      }
      const script = `mount -t tmpfs -o size=2m tmpfs "$3"; "$1" copy "$2" "$3"; echo "code $?"; ls -A "$3/.inpod"; mount -o remount,size=20m "$3"; "$1" copy "$2" "$3"; echo "code $?"; cmp "$2/src/huge" "$3/src/huge" && echo same`;
      const { out, err } = await run(t, "unshare", ["-m", "/bin/sh", "-c", script, "sh", kit, from, to], {
        cwd: directory,
      });
      assert.match(
        err,
        /volume is full after \d+ files, \d+ MB \(at src\/huge\): make the volume larger \(source\.size\)/,
      );
      assert.equal(out, "code 1\ncode 0\nsame\n");
    });

    test("mounts below SRC are left out", async (t) => {
      const { from, to } = await trees(t);
      await mkdir(join(from, "mnt"));
      try {
        execFileSync("unshare", ["-m", "true"], { stdio: "ignore" });
      } catch {
        t.skip("mounting needs root");
        return;
      }
      const script = `mount -t tmpfs tmpfs "$2/mnt"; echo x > "$2/mnt/x"; "$1" copy "$2" "$3"`;
      const { code, err } = await run(t, "unshare", ["-m", "/bin/sh", "-c", script, "sh", kit, from, to]);
      assert.equal(code, 0);
      assert.match(err, /1 mounts left out/);
      await assert.rejects(stat(join(to, "mnt/x")));
    });

    test("two copies at once: each file once and whole", async (t) => {
      const { from, to } = await trees(t);
      for (let i = 0; i < 200; i++) await writeFile(join(from, `src/file-${i}`), Buffer.alloc(20_000, `${i} `));
      const codes = await Promise.all([copy(t, from, to), copy(t, from, to), copy(t, from, to)]);
      assert.deepEqual(
        codes.map(({ code }) => code),
        [0, 0, 0],
      );
      for (let i = 0; i < 200; i++)
        assert.ok((await readFile(join(from, `src/file-${i}`))).equals(await readFile(join(to, `src/file-${i}`))));
      assert.deepEqual((await readdir(join(to, ".inpod"))).sort(), [".gitignore", "source.json"]);
    });

    test("an editor that saves by rename while the copy runs keeps its file", async (t) => {
      const { directory, from, to } = await trees(t);
      for (let i = 0; i < 300; i++) await writeFile(join(from, `file-${i}`), "image");
      await mkdir(to);
      const copying = copy(t, from, to);
      for (let i = 299; i >= 0; i--) {
        await writeFile(join(directory, "edit"), "mine");
        await rename(join(directory, "edit"), join(to, `file-${i}`));
      }
      assert.equal((await copying).code, 0);
      for (let i = 0; i < 300; i++) assert.equal(await readFile(join(to, `file-${i}`), "utf8"), "mine");
    });
  });
}
