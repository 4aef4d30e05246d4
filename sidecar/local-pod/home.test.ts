import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { LocalPodError } from "./errors.ts";
import { homeAt, linkExtensions, makeHome, writeLaunchers, writeSecrets } from "./home.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "home-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

test("a path too long for Unix sockets is refused with both lengths, before anything is made", () => {
  assert.doesNotThrow(() => homeAt(`/${"a".repeat(45)}`));
  assert.throws(
    () => homeAt(`/${"ä".repeat(40)}`),
    (error: unknown) => {
      assert.ok(error instanceof LocalPodError);
      assert.equal(error.code, "INPOD_HOME_LONG");
      assert.match(error.title, /81 bytes.* allow \d\d/);
      return true;
    },
  );
});

test("the folders are the user's alone, and what a killed predecessor left in run and tmp is gone", async () => {
  const home = homeAt(join(folder, "h"));
  await mkdir(join(home.root, "run"), { recursive: true });
  await writeFile(join(home.root, "run/ide.sock"), "left behind");
  await makeHome(home);
  assert.equal((await stat(home.root)).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(join(home.root, "run")), []);
});

test("a folder that can't be made is a sentence with its path", async () => {
  await writeFile(join(folder, "file"), "");
  await assert.rejects(makeHome(homeAt(join(folder, "file/home"))), (error: unknown) => {
    assert.ok(error instanceof LocalPodError);
    assert.ok(error.title.includes(join(folder, "file/home")));
    return true;
  });
});

test("the password stays from start to start, the link's token doesn't; both are readable by their user alone", async () => {
  const home = homeAt(folder);
  await makeHome(home);
  const first = await writeSecrets(home);
  const password = await readFile(home.passwordFile, "utf8");
  const second = await writeSecrets(home);
  assert.equal(await readFile(home.passwordFile, "utf8"), password);
  assert.notEqual(first.token, second.token);
  assert.equal((await readFile(home.loginTokenFile, "utf8")).trim(), second.token);
  for (const file of [home.passwordFile, home.loginTokenFile]) assert.equal((await stat(file)).mode & 0o777, 0o600);
});

test("the launchers run the command under Node, also from a folder with odd characters", async () => {
  const home = homeAt(folder);
  await makeHome(home);
  await writeLaunchers(home, "/opt/it's node/node", "/a b/inpod.mjs");
  const text = await readFile(join(home.bin, "restart"), "utf8");
  assert.ok(text.endsWith(` restart '/opt/it'\\''s node/node' '/a b/inpod.mjs' -- "$@"\n`), text);
  assert.equal((await stat(join(home.bin, "inpod"))).mode & 0o111, 0o111);
});

test("our extension stands beside all of code-server's", async () => {
  const home = homeAt(folder);
  await makeHome(home);
  const theirs = join(folder, "theirs");
  for (const name of ["git", "json"]) await mkdir(join(theirs, name), { recursive: true });
  const ours = join(folder, "ours");
  await mkdir(ours);
  await linkExtensions(home, theirs, ours);
  await linkExtensions(home, theirs, ours);
  assert.deepEqual((await readdir(home.extensions)).sort(), ["git", "inpod", "json"]);
});
