import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { builds, run, start, until } from "./test-kit.ts";

const program = `require("net").createServer().listen(0, function () { console.log(this.address().port) })`;

for (const { build, kit } of builds) {
  describe(`kit owner (${build})`, () => {
    test("names the process that listens, and each once", async (t) => {
      const server = createServer().listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => server.close());
      const { port } = server.address() as AddressInfo;
      const { code, out } = await run(t, kit, ["owner", String(port)]);
      assert.equal(code, 0);
      assert.equal(out.split("\n").length, 2, out);
      assert.match(
        out,
        new RegExp(`^port ${port} is held by ".*node.*" \\(pid ${process.pid}\\) in this container\n$`),
      );
    });

    test("a command line is shown without what a terminal would obey", async (t) => {
      const odd = start(t, process.execPath, ["-e", program, '\u001B[31mred\n"quoted"']);
      const port = await until("it listens", () => odd.out().trim());
      const { out } = await run(t, kit, ["owner", port]);
      assert.match(out, new RegExp(`\\(pid ${odd.pid}\\)`));
      assert.ok(!out.includes("\u001B"));
      assert.equal(out.split("\n").length, 2);
    });

    test("nobody listens: nothing is printed", async (t) => {
      assert.deepEqual(await run(t, kit, ["owner", "1"]), { code: 0, out: "", err: "" });
    });
  });
}
