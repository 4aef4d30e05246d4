import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace, type Workspace } from "./workspace.ts";

// What is edited survives: init containers that run again, a new app image, a new pod on the same claim.

let stage: Stage;
before(async () => {
  stage = await openStage("default");
});
after(() => stage?.close());

const edited = "the edited answer";

/** As a person would in the editor: changes one file, adds one, removes one. */
async function edit(workspace: Workspace): Promise<void> {
  const script = `sed -i 's/Hello from the pod/${edited}/' /workspace/server.js && echo mine > /workspace/added.txt && rm /workspace/package.json`;
  const { code, stderr } = await workspace.exec("ide", ["sh", "-c", script]);
  assert.equal(code, 0, stderr);
}

async function assertKept(workspace: Workspace): Promise<void> {
  const { stdout } = await workspace.exec("ide", [
    "sh",
    "-c",
    "cat /workspace/server.js /workspace/added.txt; ls -a /workspace",
  ]);
  assert.match(stdout, new RegExp(edited));
  assert.match(stdout, /^mine$/m);
  assert.doesNotMatch(stdout, /^package\.json$/m, "a file removed on purpose doesn't come back");
}

const install = (release: string, values: object) =>
  installWorkspace(stage.cluster, {
    release,
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", values),
    readySeconds: 120,
  });

test(
  "a killed sandbox (a node's reboot) runs the init containers again over an emptyDir: no edit is lost",
  { timeout: 240_000 },
  async (t) => {
    const workspace = await install("reboot", {});
    t.after(() => workspace.uninstall());
    await edit(workspace);
    const { uid, restarts } = await workspace.facts();
    await stage.cluster.killSandbox(workspace.namespace, workspace.pod);
    await until(
      "the containers run again",
      async () => {
        const now = await workspace.facts();
        return now.containerIds["app"] !== "" && (now.restarts["app"] ?? 0) > (restarts["app"] ?? 0);
      },
      { seconds: 90 },
    );
    await workspace.ready(90);
    assert.equal((await workspace.facts()).uid, uid);
    await assertKept(workspace);
    await until("the edited file is served", async () =>
      (await (await fetch(await workspace.url())).text()).includes(edited),
    );
  },
);

test(
  "a claim keeps the edits through a deleted pod and through helm upgrade with a new app image, and the new image is told",
  { timeout: 300_000 },
  async (t) => {
    await stage.cluster.createHostPathVolume(`kept-${Date.now()}`, "1Gi");
    const values = { source: { from: "image", size: "1Gi", storageClassName: "inpod-host-path" } };
    const workspace = await install("kept", values);
    t.after(() => workspace.uninstall());
    await edit(workspace);
    const first = await workspace.facts();

    await stage.cluster.kubectl(["-n", workspace.namespace, "delete", "pod", workspace.pod]);
    await until("there is a new pod", async () => (await workspace.facts()).uid !== first.uid, { seconds: 60 });
    await workspace.ready(90);
    await assertKept(workspace);

    const second = await workspace.facts();
    await workspace.upgrade({
      valuesFiles: [exampleValues("node")],
      values: stage.valuesFor("node", { ...values, app: { image: stage.nextNodeImage } }),
    });
    await until("the upgrade has replaced the pod", async () => (await workspace.facts()).uid !== second.uid, {
      seconds: 60,
    });
    await workspace.ready(90);
    await assertKept(workspace);
    const told = await stage.cluster.kubectl(["-n", workspace.namespace, "logs", workspace.pod, "-c", "source"]);
    assert.match(told, /the image changed/);
  },
);
