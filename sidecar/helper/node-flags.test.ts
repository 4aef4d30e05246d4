import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { nodeEnvironment, nodeFlags } from "./node-flags.ts";

test("the image starts the helper with the same flags and settings", async () => {
  const dockerfile = await readFile(new URL("../Dockerfile", import.meta.url), "utf8");
  const [, stage = ""] = dockerfile.split(/^FROM .* AS helper$/m);
  const words = ["/usr/local/bin/node", ...nodeFlags, "/opt/inpod/helper.mjs"].map((word) => JSON.stringify(word));
  assert.ok(stage.includes(`ENTRYPOINT [${words.join(", ")}]`));
  for (const [name, value] of Object.entries(nodeEnvironment)) assert.ok(stage.includes(`${name}=${value}`), name);
});
