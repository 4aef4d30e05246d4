import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { installWorkspace } from "./workspace.ts";

// Bad input gets a sentence with the value in it and the design's exit code, and changes nothing.

let stage: Stage;
before(async () => {
  stage = await openStage("dev");
});
after(() => stage?.close());

const install = (release: string, values: object, waitFor: "pod" | "commands" = "pod") =>
  installWorkspace(stage.cluster, {
    release,
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", values),
    waitFor,
  });

test("unknown verb, unknown app, wrong flag: exit 2, a sentence, no restart", { timeout: 180_000 }, async (t) => {
  const workspace = await install("usage", {});
  t.after(() => workspace.uninstall());
  for (const [argv, sentence] of [
    [["inpod", "restrat"], /restrat/],
    [["restart", "ap"], /"ap"[\s\S]*app/],
    [["restart", "app", "--timeout", "soon"], /soon/],
    [["restart", "app", "--container", "--process"], /--process|--container/],
  ] as const) {
    const { code, stderr } = await workspace.exec("ide", argv);
    assert.equal(code, 2, argv.join(" "));
    assert.match(stderr, sentence);
  }
  assert.equal((await workspace.facts()).restarts["app"], 0);
});

test("an app that never listens is left alone and told: exit 4", { timeout: 180_000 }, async (t) => {
  const workspace = await install(
    "mute",
    {
      app: { command: ["node"], args: ["-e", "setInterval(() => {}, 1000)"] },
      restart: { process: false },
    },
    "commands",
  );
  t.after(() => workspace.uninstall());
  const { code, record, stderr } = await workspace.restart("--timeout", "3s");
  assert.equal(code, 4);
  assert.match(stderr, /nothing listens on port 8080/);
  assert.match(record.message ?? "", /8080/);
  assert.equal((await workspace.facts()).restarts["app"], 0);
});

test(
  "an app that exits at once is crashed, with its exit code and last lines: exit 1, and held",
  { timeout: 180_000 },
  async (t) => {
    const values = { app: { command: ["node"], args: ["-e", "console.error('no database'); process.exit(7)"] } };
    const workspace = await install("crash", values, "commands");
    t.after(() => workspace.uninstall());
    const { code, record } = await workspace.restart("app", "--process");
    assert.equal(code, 1);
    assert.equal(record.exit?.code, 7);
    assert.match((record.log ?? []).join("\n"), /no database/);
    assert.equal((await workspace.facts()).restarts["app"], 0, "the crash never reaches the kubelet");
  },
);
