import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { promisify } from "node:util";
import { ensureCodeServer, type EnsureOptions } from "./ensure.ts";
import { CodeServerError } from "./errors.ts";
import { codeServerVersion } from "./version.ts";

const run = promisify(execFile);
let folder: string;
let lines: string[];
let options: EnsureOptions;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "ensure-"));
  lines = [];
  options = {
    cache: join(folder, "cache"),
    node: process.execPath,
    env: { ...process.env, HOME: folder },
    path: "",
    progress: (line) => void lines.push(line),
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const installedRoot = () => join(options.cache, `code-server-${codeServerVersion}`);

/** A release archive in small: its folders, and its own Node. */
async function makeArchive(): Promise<{ file: string; sha256: string }> {
  const top = join(folder, `code-server-${codeServerVersion}-linux-amd64`);
  for (const part of ["out/node", "lib/vscode/extensions/git"]) await mkdir(join(top, part), { recursive: true });
  await writeFile(join(top, "out/node/entry.js"), "// entry");
  await writeFile(join(top, "lib/node"), "node");
  const file = join(folder, "archive.tar.gz");
  await run("tar", ["-czf", file, "-C", folder, `code-server-${codeServerVersion}-linux-amd64`]);
  return {
    file,
    sha256: createHash("sha256")
      .update(await readFile(file))
      .digest("hex"),
  };
}

async function putOnPath(version: string): Promise<string> {
  const bin = join(folder, "prefix/bin");
  await mkdir(join(folder, "prefix/lib/vscode/extensions"), { recursive: true });
  await mkdir(bin, { recursive: true });
  await writeFile(join(bin, "code-server"), `#!/bin/sh\necho "${version} 53c2f3 with Code 1.139.1"\n`);
  await chmod(join(bin, "code-server"), 0o755);
  return bin;
}

function isError(code: string) {
  return (error: unknown) => {
    assert.ok(error instanceof CodeServerError, String(error));
    assert.equal(error.code, code);
    assert.ok(error.fix.length > 10);
    return true;
  };
}

describe("from the PATH", () => {
  test("one that fits is taken as it is, and nothing is installed", async () => {
    const bin = await putOnPath(codeServerVersion);
    const found = await ensureCodeServer({ ...options, path: `/nonexistent:${bin}:/usr/bin:/bin` });
    assert.equal(found.source, "path");
    assert.deepEqual(found.command, [join(bin, "code-server")]);
    assert.equal(found.extensions, join(folder, "prefix/lib/vscode/extensions"));
    await assert.rejects(readdir(options.cache), { code: "ENOENT" });
  });

  test("another version is named and not taken", async () => {
    const bin = await putOnPath("4.100.0");
    const archive = await makeArchive();
    const found = await ensureCodeServer({
      ...options,
      path: `${bin}:/usr/bin:/bin`,
      archive: { from: archive.file, sha256: archive.sha256 },
    });
    assert.equal(found.source, "archive");
    assert.match(lines.join("\n"), /4\.100\.0 on the PATH .* is not 4\./);
  });
});

describe("from an archive", () => {
  test("a file with the right checksum is unpacked and runs under its own Node", async () => {
    const { file, sha256 } = await makeArchive();
    const found = await ensureCodeServer({ ...options, archive: { from: file, sha256: sha256.toUpperCase() } });
    assert.deepEqual(found.command, [join(installedRoot(), "lib/node"), join(installedRoot(), "out/node/entry.js")]);
    assert.deepEqual(await readdir(options.cache), [`code-server-${codeServerVersion}`]);
    const again = await ensureCodeServer(options);
    assert.deepEqual(again, found);
  });

  test("an address is downloaded; four callers at once get one installation", async (t) => {
    const { file, sha256 } = await makeArchive();
    let asked = 0;
    const server = createServer((_, answer) => {
      asked++;
      void readFile(file).then((content) => answer.end(content));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    t.after(() => server.close());
    const from = `http://127.0.0.1:${(server.address() as AddressInfo).port}/archive.tar.gz`;
    const found = await Promise.all(
      [1, 2, 3, 4].map(() => ensureCodeServer({ ...options, archive: { from, sha256 } })),
    );
    assert.equal(asked, 1);
    assert.equal(new Set(found.map(({ root }) => root)).size, 1);
    assert.deepEqual(await readdir(options.cache), [`code-server-${codeServerVersion}`]);
  });

  test("a wrong checksum is refused with both sums, and leaves nothing", async () => {
    const { file, sha256 } = await makeArchive();
    const wrong = "0".repeat(64);
    await assert.rejects(ensureCodeServer({ ...options, archive: { from: file, sha256: wrong } }), (error: unknown) => {
      assert.ok(error instanceof CodeServerError);
      assert.ok(error.title.includes(sha256) && error.title.includes(wrong));
      return isError("INPOD_ARCHIVE_CHECKSUM")(error);
    });
    assert.deepEqual(await readdir(options.cache), []);
  });

  test("an address that nobody serves, a file that isn't there: each a sentence", async () => {
    const sha256 = "0".repeat(64);
    const nowhere = { from: "http://127.0.0.1:1/archive.tar.gz", sha256 };
    await assert.rejects(ensureCodeServer({ ...options, archive: nowhere }), isError("INPOD_ARCHIVE_DOWNLOAD"));
    const missing = { from: join(folder, "missing.tar.gz"), sha256 };
    await assert.rejects(ensureCodeServer({ ...options, archive: missing }), isError("INPOD_ARCHIVE_MISSING"));
    assert.deepEqual(await readdir(options.cache), []);
  });
});

describe("from npm", () => {
  test("no npm, no network, a full disk: each a sentence, and nothing half-done stays", async () => {
    const withNpm = async (script: string) => {
      const bin = join(folder, "bin");
      await mkdir(bin, { recursive: true });
      await writeFile(join(bin, "npm"), `#!/bin/sh\n${script}\n`);
      await chmod(join(bin, "npm"), 0o755);
      return { ...options, env: { PATH: `${bin}:/usr/bin:/bin` } };
    };
    await assert.rejects(ensureCodeServer({ ...options, env: { PATH: folder } }), isError("INPOD_NPM_MISSING"));
    const offline = await withNpm("echo 'npm error code ENOTFOUND' >&2; exit 1");
    await assert.rejects(ensureCodeServer(offline), isError("INPOD_NETWORK_DOWN"));
    const full = await withNpm("echo 'npm error ENOSPC: no space left on device, write' >&2; exit 1");
    await assert.rejects(ensureCodeServer(full), isError("INPOD_DISK_FULL"));
    const odd = await withNpm("echo 'npm error something new' >&2; exit 7");
    await assert.rejects(ensureCodeServer(odd), (error: unknown) => {
      assert.match(String(error), /something new/);
      return isError("INPOD_CODESERVER_INSTALL")(error);
    });
    assert.deepEqual(await readdir(options.cache), []);
  });

  test("what a killed installation left is cleared by the next one", async () => {
    const dead = join(options.cache, `code-server-${codeServerVersion}.part-999999999`);
    await mkdir(dead, { recursive: true });
    const { file, sha256 } = await makeArchive();
    await ensureCodeServer({ ...options, archive: { from: file, sha256 } });
    assert.deepEqual(await readdir(options.cache), [`code-server-${codeServerVersion}`]);
  });

  test("a cache that can't be written is named", async () => {
    await writeFile(options.cache, "a file in the folder's place");
    await assert.rejects(ensureCodeServer(options), isError("INPOD_FOLDER_READONLY"));
  });
});
