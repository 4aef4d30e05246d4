import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import type { watch } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createWanted } from "./wanted.ts";
import { watchSource } from "./watch-source.ts";

async function open(t: TestContext, options: { polling?: boolean; watch?: typeof watch; ignore?: string[] } = {}) {
  const home = await mkdtemp(join(tmpdir(), "inpod-watch-"));
  const root = join(home, "src");
  await mkdir(join(root, "deep/er"), { recursive: true });
  await mkdir(join(root, "node_modules/x"), { recursive: true });
  await writeFile(join(root, "deep/er/a.js"), "1");
  let paths: string[] = [];
  const said: string[] = [];
  const watching = await watchSource({
    root,
    wanted: createWanted({ include: [], ignore: options.ignore ?? [], builds: false }),
    polling: options.polling ?? false,
    pollEvery: 20,
    onChange: (path) => paths.push(path),
    say: (sentence) => said.push(sentence),
    ...(options.watch === undefined ? {} : { watch: options.watch }),
  });
  t.after(async () => {
    watching.close();
    await rm(home, { recursive: true, force: true, maxRetries: 3 });
  });
  return {
    root,
    said,
    watching,
    /** The paths told during a piece of work and until one of them fits (or, without, in the 60 ms after it). */
    during: async (work: () => Promise<unknown>, until?: (path: string) => boolean): Promise<string[]> => {
      await sleep(30);
      paths = [];
      await work();
      for (let i = 0; i < (until === undefined ? 6 : 300); i++) {
        if (until !== undefined && paths.some(until)) break;
        await sleep(10);
      }
      return [...new Set(paths)];
    },
  };
}

describe("every way of saving is told", () => {
  test("a write, a new file, a removal, a rename over it", async (t) => {
    const { root, during } = await open(t);
    const file = join(root, "deep/er/a.js");
    const is = (path: string) => path === "deep/er/a.js";
    assert.ok((await during(() => writeFile(file, "2"), is)).some(is));
    const atomic = async () => {
      await writeFile(join(root, "deep/er/a.js.tmp-1"), "3");
      await rename(join(root, "deep/er/a.js.tmp-1"), file);
    };
    assert.ok((await during(atomic, is)).some(is));
    assert.ok((await during(() => rm(file), is)).some(is));
    assert.ok((await during(() => writeFile(file, "4"), is)).some(is));
  });

  test("a file that has its folder's name", async (t) => {
    const { root, during } = await open(t);
    const is = (path: string) => path === "deep/deep";
    assert.ok((await during(() => writeFile(join(root, "deep/deep"), "2"), is)).some(is));
    assert.ok((await during(() => rm(join(root, "deep/deep")), is)).some(is));
  });

  test("in folders that are new, replaced, moved away and back: 20 times each, at once afterwards", async (t) => {
    const { root, during } = await open(t);
    const is = (path: string) => path === "deep/er/a.js";
    for (let i = 0; i < 20; i++) {
      await cp(join(root, "deep"), join(root, "new"), { recursive: true });
      await rename(join(root, "deep"), join(root, "old"));
      await rename(join(root, "new"), join(root, "deep"));
      await rm(join(root, "old"), { recursive: true });
      assert.ok((await during(() => writeFile(join(root, "deep/er/a.js"), `${i}`), is)).some(is), `replaced ${i}`);
      await rename(join(root, "deep"), join(root, "away"));
      await rename(join(root, "away"), join(root, "deep"));
      assert.ok((await during(() => writeFile(join(root, "deep/er/a.js"), `${i}!`), is)).some(is), `back ${i}`);
    }
  });

  test("the source itself moved away, replaced, and back", async (t) => {
    const { root, during } = await open(t);
    const away = `${root}-away`;
    assert.ok(
      (
        await during(
          async () => {
            await rename(root, away);
            await cp(away, root, { recursive: true });
          },
          (path) => path === "",
        )
      ).includes(""),
    );
    const is = (path: string) => path === "deep/er/a.js";
    assert.ok((await during(() => writeFile(join(root, "deep/er/a.js"), "x"), is)).some(is));
    await rm(root, { recursive: true });
    await rename(away, root);
    assert.ok((await during(() => writeFile(join(root, "deep/er/a.js"), "y"), is)).some(is));
  });

  test("a tree that is made faster than it can be watched misses nothing", async (t) => {
    const { root, during } = await open(t);
    const make = async () => {
      execFileSync("mkdir", ["-p", ...Array.from({ length: 50 }, (_, i) => join(root, `t/${i}/x/y/z`))]);
      await writeFile(join(root, "t/49/x/y/z/last.js"), "");
    };
    assert.ok((await during(make)).length > 0);
    const is = (path: string) => path === "t/31/x/y/z/late.js";
    assert.ok((await during(() => writeFile(join(root, "t/31/x/y/z/late.js"), ""), is)).some(is));
  });
});

describe("what isn't source is not told", () => {
  test("dependencies, git's own, editors' temporary files, a folder's rights, what is ignored", async (t) => {
    const { root, during } = await open(t, { ignore: ["logs/**", "**/*.md"] });
    await mkdir(join(root, "logs"));
    await mkdir(join(root, ".git"));
    const work = async () => {
      await writeFile(join(root, "node_modules/x/index.js"), "");
      await writeFile(join(root, ".git/index"), "");
      await writeFile(join(root, "deep/.a.js.swp"), "");
      await writeFile(join(root, "deep/4913"), "");
      await writeFile(join(root, "logs/app.log"), "");
      await writeFile(join(root, "deep/er/README.md"), "");
      await chmod(join(root, "deep/er"), 0o755);
      await chmod(join(root, "deep"), 0o755);
    };
    assert.deepEqual(await during(work), []);
  });

  test("include narrows; ignore wins; names that begin with a dot are files like others", () => {
    const wanted = createWanted({ include: ["**/*.go", "**/.env"], ignore: ["gen/**"], builds: true });
    assert.deepEqual(
      ["a.go", "x/y/a.go", "x/.env", "a.txt", "gen/a.go"].map((path) => wanted.file(path)),
      [true, true, true, false, false],
    );
    assert.deepEqual(
      ["x", "gen", "bin", "x/node_modules"].map((path) => wanted.folder(path)),
      [true, false, false, false],
    );
  });
});

describe("where events don't help it polls, and says why", () => {
  const is = (path: string) => path === "deep/er/a.js";

  test("because it was asked to", async (t) => {
    const { root, during, watching, said } = await open(t, { polling: true });
    assert.equal(watching.how(), "polling");
    await sleep(100);
    assert.ok((await during(() => writeFile(join(root, "deep/er/a.js"), "longer"), is)).some(is));
    assert.ok((await during(() => rm(join(root, "deep/er/a.js")), is)).some(is));
    assert.deepEqual(said, []);
  });

  test("because no event came for a file that was written", async (t) => {
    const mute = () => ({ on() {}, close() {} });
    const { root, during, watching, said } = await open(t, { watch: mute as unknown as typeof watch });
    assert.equal(watching.how(), "polling");
    assert.match(said.join(), /doesn't tell of changes/);
    await sleep(100);
    assert.ok((await during(() => writeFile(join(root, "deep/er/a.js"), "longer"), is)).some(is));
  });

  for (const [code, sysctl] of [
    ["ENOSPC", "max_user_watches"],
    ["EMFILE", "max_user_instances"],
  ] as const)
    test(`because of ${code}: the sysctl is named, once`, async (t) => {
      const full = () => {
        throw Object.assign(new Error(`${code}: full`), { code });
      };
      const { root, during, watching, said } = await open(t, { watch: full as unknown as typeof watch });
      await sleep(100);
      assert.equal(watching.how(), "polling");
      assert.equal(said.length, 1);
      assert.match(said.join(), new RegExp(`sysctl fs\\.inotify\\.${sysctl}=\\d+`));
      assert.ok((await during(() => writeFile(join(root, "deep/er/a.js"), "longer"), is)).some(is));
    });
});
