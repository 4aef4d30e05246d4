import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, test } from "node:test";
import { fileURLToPath } from "node:url";

// files/clone-source.sh with a real git and a repository on disk: filled once, and never over what is there.

const script = fileURLToPath(new URL("./inpod/files/clone-source.sh", import.meta.url));

let folder: string;
let url: string;
let firstCommit: string;
let volume: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "inpod-clone-"));
  const repository = join(folder, "repository");
  url = `file://${repository}`;
  await mkdir(join(repository, "lib"), { recursive: true });
  const git = async (...args: string[]) => (await run("git", ["-C", repository, ...args])).stdout.trim();
  await git("init", "--quiet", "--initial-branch=main");
  // As the large forges do: a commit can be asked for.
  await git("config", "uploadpack.allowAnySHA1InWant", "true");
  await writeFile(join(repository, "answer"), "one\n");
  await writeFile(join(repository, "lib/a.js"), "a\n");
  await writeFile(join(repository, ".hidden"), "h\n");
  await git("add", "--all");
  await git("commit", "--quiet", "--message=first");
  await git("tag", "v1");
  firstCommit = await git("rev-parse", "HEAD");
  await writeFile(join(repository, "answer"), "two\n");
  await git("commit", "--quiet", "--all", "--message=second");
  await git("checkout", "--quiet", "-b", "feature/x");
  await writeFile(join(repository, "answer"), "three\n");
  await git("commit", "--quiet", "--all", "--message=third");
  await git("checkout", "--quiet", "main");
});
after(() => rm(folder, { recursive: true }));
beforeEach(async () => {
  volume = await mkdtemp(join(folder, "volume-"));
});

const answer = () => readFile(join(volume, "answer"), "utf8");
const history = async () => Number((await run("git", ["-C", volume, "rev-list", "--count", "HEAD"])).stdout);

test("the default branch, with all of its history, dot files and a clean status", async () => {
  const { code, stdout } = await clone();
  assert.equal(code, 0);
  assert.match(stdout, /cloned the default branch/);
  assert.equal(await answer(), "two\n");
  assert.equal(await history(), 2);
  assert.deepEqual((await readdir(volume)).sort(), [".git", ".hidden", ".inpod", "answer", "lib"]);
  assert.equal((await run("git", ["-C", volume, "status", "--short"])).stdout, "");
});

test("what is cloned may be written by the group: the app may have another uid", async () => {
  await clone();
  for (const name of ["answer", "lib", "lib/a.js", ".git"]) {
    assert.equal((await stat(join(volume, name))).mode & 0o060, 0o060, name);
  }
});

for (const [what, ref, text] of [
  ["a branch", "feature/x", "three\n"],
  ["a tag", "v1", "one\n"],
] as const) {
  test(`${what}, at the depth asked for`, async () => {
    assert.equal((await clone({ GIT_REF: ref, GIT_DEPTH: "1" })).code, 0);
    assert.equal(await answer(), text);
    assert.equal(await history(), 1);
  });
}

test("a commit", async () => {
  assert.equal((await clone({ GIT_REF: firstCommit })).code, 0);
  assert.equal(await answer(), "one\n");
});

test("run again (a node's reboot) nothing is touched: not what was edited, not what was removed", async () => {
  await clone();
  await writeFile(join(volume, "answer"), "edited\n");
  await rm(join(volume, "lib"), { recursive: true });
  const { code, stdout } = await clone({ GIT_REF: "v1" });
  assert.equal(code, 0);
  assert.match(stdout, /kept as it is/);
  assert.equal(await answer(), "edited\n");
  assert.ok(!(await readdir(volume)).includes("lib"));
});

test("a volume with files of somebody else's is left alone", async () => {
  await writeFile(join(volume, "mine"), "");
  const { code, stdout } = await clone();
  assert.equal(code, 0);
  assert.match(stdout, /files that are not ours \(mine\)/);
  assert.deepEqual(await readdir(volume), ["mine"]);
});

test("the lost+found of a new disk is no file of somebody else's", async () => {
  await mkdir(join(volume, "lost+found"));
  await clone();
  assert.equal(await answer(), "two\n");
});

test("a clone that was killed half-way is thrown away and made anew", async () => {
  await mkdir(join(volume, ".inpod/clone/lib"), { recursive: true });
  await writeFile(join(volume, ".inpod/clone/half"), "");
  assert.equal((await clone()).code, 0);
  assert.equal(await answer(), "two\n");
  assert.ok(!(await readdir(volume)).includes("half"));
});

test("killed while the clone was being moved: the rest is moved, what has arrived stays, and the repository isn't asked", async () => {
  await clone();
  await mkdir(join(volume, ".inpod/clone"));
  await rename(join(volume, "lib"), join(volume, ".inpod/clone/lib"));
  await rm(join(volume, ".inpod/source.json"));
  await writeFile(join(volume, ".inpod/cloned"), "");
  assert.equal((await clone({ GIT_URL: "file:///nowhere" })).code, 0);
  assert.deepEqual((await readdir(volume)).sort(), [".git", ".hidden", ".inpod", "answer", "lib"]);
  assert.deepEqual((await readdir(join(volume, ".inpod"))).sort(), [".gitignore", "source.json"]);
});

test("a ref or a repository that isn't there: git's reason, a failure, and the next try works", async () => {
  const wrongRef = await clone({ GIT_REF: "nope" });
  assert.notEqual(wrongRef.code, 0);
  assert.match(wrongRef.stderr, /nope/);
  const wrongUrl = await clone({ GIT_URL: "file:///nowhere" });
  assert.notEqual(wrongUrl.code, 0);
  assert.match(wrongUrl.stderr, /nowhere/);
  assert.equal((await clone()).code, 0);
  assert.equal(await answer(), "two\n");
});

test("a private repository: the Secret's user and password reach its server, and no file", async (t) => {
  const secrets = join(folder, "secrets");
  await mkdir(secrets);
  await writeFile(join(secrets, "username"), "ann");
  await writeFile(join(secrets, "password"), "s3cret-token");
  await run("git", ["-C", join(folder, "repository"), "update-server-info"]);
  const server = createServer((request, response) => {
    const wanted = `Basic ${Buffer.from("ann:s3cret-token").toString("base64")}`;
    if (request.headers.authorization !== wanted) {
      response.writeHead(401, { "www-authenticate": 'Basic realm="git"' }).end();
      return;
    }
    const { pathname } = new URL(request.url ?? "/", "http://localhost");
    readFile(join(folder, pathname)).then(
      (content) => response.end(content),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const GIT_URL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/repository/.git`;

  assert.notEqual((await clone({ GIT_URL })).code, 0, "without the Secret it is refused");
  const { code, stdout, stderr } = await clone({ GIT_URL, INPOD_GIT_SECRETS: secrets });
  assert.equal(code, 0, stderr);
  assert.equal(await answer(), "two\n");
  assert.ok(!(stdout + stderr).includes("s3cret-token"));
  assert.equal((await run("grep", ["-r", "-l", "s3cret-token", volume, join(folder, "home")])).stdout, "");
});

function clone(env: Readonly<Record<string, string>> = {}) {
  const given = { INPOD_SOURCE: volume, INPOD_GIT_SECRETS: join(folder, "none"), GIT_URL: url, ...env };
  return run("sh", [script], given);
}

/** Runs a program to its end, with a home of its own: no setting of this machine's git counts. */
async function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const home = join(folder, "home");
  await mkdir(home, { recursive: true });
  const who = { name: "Ann", email: "ann@example.test" };
  const base = {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    HOME: home,
    GIT_CONFIG_NOSYSTEM: "1",
    GIT_AUTHOR_NAME: who.name,
    GIT_AUTHOR_EMAIL: who.email,
    GIT_COMMITTER_NAME: who.name,
    GIT_COMMITTER_EMAIL: who.email,
  };
  return new Promise<{ code: number | null; stdout: string; stderr: string }>((resolve, reject) => {
    const child = spawn(program, args, { env: { ...base, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}
