import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { shell } from "./supervise-kit.ts";
import { builds, run } from "./test-kit.ts";

const given = ["--default-env", "CACHE,NO_CACHE=/inpod/cache/a=b", "--default-env", "PLAIN="];

for (const { build, kit } of builds) {
  describe(`kit supervise --default-env (${build})`, () => {
    const seen = async (t: Parameters<typeof run>[0], env: NodeJS.ProcessEnv) => {
      const app = shell(`echo "\${CACHE-unset} \${PLAIN-unset}"`);
      const { code, out } = await run(t, kit, ["supervise", "--on-crash", "exit", ...given, "--", ...app], { env });
      assert.equal(code, 0);
      return out;
    };

    test("the app gets what its environment doesn't have", async (t) => {
      assert.equal(await seen(t, { PATH: "/bin" }), "/inpod/cache/a=b \n");
    });

    test("the image's and the user's own variables stay, empty ones too", async (t) => {
      assert.equal(await seen(t, { CACHE: "/mine", PLAIN: "x" }), "/mine x\n");
      assert.equal(await seen(t, { CACHE: "" }), " \n");
    });

    test("a variable that speaks against it is enough", async (t) => {
      assert.equal(await seen(t, { NO_CACHE: "1" }), "unset \n");
    });
  });
}
