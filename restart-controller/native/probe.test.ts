import assert from "node:assert/strict";
import { chmod, chown, readdir, stat, symlink, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { TestContext } from "node:test";
import { builds, run, temporaryDirectory } from "./test-kit.ts";

async function probing(t: TestContext, kit: string, threshold?: number) {
  const file = join(await temporaryDirectory(t), "liveness");
  await writeFile(file, "");
  const args = ["probe", file, ...(threshold === undefined ? [] : ["--threshold", String(threshold)])];
  const probe = async (options = {}) => (await run(t, kit, args, options)).code;
  return { file, probe, codes: async (count: number) => Promise.all(Array.from({ length: count }, () => probe())) };
}

for (const { build, kit } of builds) {
  describe(`kit probe (${build})`, () => {
    for (const threshold of [undefined, 1, 3])
      test(`one request is exactly ${threshold ?? "2 (default)"} failing probes, and the file is back`, async (t) => {
        const { file, probe } = await probing(t, kit, threshold);
        assert.equal(await probe(), 0);
        assert.deepEqual(await readdir(join(file, "..")), ["liveness"], "alive costs no file");
        for (let request = 0; request < 2; request++) {
          await unlink(file);
          for (let i = 0; i < (threshold ?? 2); i++) assert.equal(await probe(), 1);
          assert.equal(await probe(), 0);
          assert.equal((await stat(file)).mode & 0o7777, 0o664);
        }
      });

    test("says which failing probe it is", async (t) => {
      const { file } = await probing(t, kit);
      await unlink(file);
      assert.equal((await run(t, kit, ["probe", file])).err, "kit probe: restart requested: 1 of 2\n");
      assert.equal((await run(t, kit, ["probe", "--threshold=2", file])).err, "kit probe: restart requested: 2 of 2\n");
    });

    test("20 at once share one request", async (t) => {
      const { file, codes } = await probing(t, kit, 3);
      for (let round = 0; round < 3; round++) {
        await unlink(file);
        assert.equal((await codes(20)).filter((code) => code === 1).length, 3);
      }
    });

    test("a count file with anything in it does no harm", async (t) => {
      const { file, probe } = await probing(t, kit);
      for (const content of [Buffer.alloc(12, 0xff), Buffer.from("x"), Buffer.alloc(5000, 0x41)]) {
        await writeFile(`${file}.probe`, content);
        assert.ok([0, 1].includes(Number(await probe())));
        for (let i = 0; i < 2; i++) await probe();
        assert.equal(await probe(), 0);
      }
    });

    test("a link in the place of the count file is not followed; without a count there is no restart", async (t) => {
      const { file, probe } = await probing(t, kit);
      const other = join(file, "../other");
      await writeFile(other, "precious");
      await symlink(other, `${file}.probe`);
      await unlink(file);
      assert.deepEqual([await probe(), await probe()], [0, 0]);
      assert.equal((await stat(other)).size, 8);
    });

    test("a directory that can't be written: no endless restarts", async (t) => {
      const { file, probe } = await probing(t, kit);
      const user = process.getuid?.() === 0 ? { uid: 65532, gid: 65532 } : undefined;
      if (user !== undefined) await chown(join(file, ".."), user.uid, user.gid);
      await unlink(file);
      await chmod(join(file, ".."), 0o555);
      const codes = [];
      for (let i = 0; i < 5; i++) codes.push(await probe(user));
      assert.deepEqual(codes, [0, 0, 0, 0, 0]);
    });
  });
}
