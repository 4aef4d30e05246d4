import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { tryRun } from "./cluster/command.ts";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace, type Workspace } from "./workspace.ts";

// rbac.restartWithoutBackoff on the kubelet's own back-off settings, and what the account behind it can't do.

const adminChart = fileURLToPath(new URL("../charts/inpod-admin", import.meta.url));

let stage: Stage;
before(async () => {
  stage = await openStage("default");
});
after(() => stage?.close());

const install = (release: string, image: string) =>
  installWorkspace(stage.cluster, {
    release,
    valuesFiles: [exampleValues("node")],
    values: stage.valuesFor("node", {
      app: { image },
      restart: { process: false },
      rbac: { restartWithoutBackoff: true },
    }),
  });

/** kubectl as the workspace's account; its exit code and words. */
function asAccount({ namespace, release }: Workspace, ...args: readonly string[]) {
  const { cluster } = stage;
  const account = `--as=system:serviceaccount:${namespace}:${release}-inpod-restart`;
  return tryRun(cluster.nsenter([...cluster.kubectlCommand, "-n", namespace, account, ...args]), { env: cluster.env });
}

/** kubectl would get the pod first, which the account can't; this is what somebody could send who has broken into the helper. */
const sendPatch = `
const { readFileSync } = require("fs");
const { INPOD_KUBE_ACCOUNT: account, INPOD_KUBE_NAMESPACE: namespace, INPOD_KUBE_POD: pod } = process.env;
const headers = {
  authorization: "Bearer " + readFileSync(account + "/token", "utf8"),
  "content-type": "application/json-patch+json",
};
const asked = require("https").request({
  host: process.env.KUBERNETES_SERVICE_HOST, port: process.env.KUBERNETES_SERVICE_PORT, method: "PATCH",
  path: "/api/v1/namespaces/" + namespace + "/pods/" + pod, ca: readFileSync(account + "/ca.crt"), headers,
}, (answer) => {
  answer.pipe(process.stdout);
  answer.on("end", () => { process.exitCode = answer.statusCode === 200 ? 0 : 1; });
});
asked.end(process.argv[1]);`;

const patch = (workspace: Workspace, operation: object) =>
  workspace.exec("inpod", ["node", "-e", sendPatch, JSON.stringify([operation])]);

/** The kubelet tells the API server of a restart a moment after the app is served. */
const counted = (workspace: Workspace, expected: number) =>
  until(`RESTARTS is ${expected}`, async () => (await workspace.facts()).restarts["app"] === expected);

async function backoffEvents({ namespace }: Workspace): Promise<string[]> {
  const list = await stage.cluster.kubectl(["-n", namespace, "get", "events", "-o", "json"]);
  const { items }: { items: { reason: string; message: string }[] } = JSON.parse(list);
  return items.filter(({ reason }) => reason === "BackOff").map(({ message }) => message);
}

test(
  "12 container restarts in a row: the same pod, RESTARTS 12, no wait and no BackOff event; the policy changes nothing of that",
  { timeout: 300_000 },
  async (t) => {
    const image = stage.imageByDigest("node");
    const workspace = await install("alias", image);
    t.after(() => workspace.uninstall());
    const first = await workspace.facts();
    const served: number[] = [];
    for (let i = 0; i < 12; i++) {
      const { code, record, stderr } = await workspace.restart("app", "--container");
      assert.equal(code, 0, `restart ${i + 1}: ${stderr}`);
      assert.equal(record.waitsUntil, undefined, stderr);
      // The first two cost nothing by the liveness file, which needs no one's permission.
      if (i >= 2) assert.match(record.image ?? "", /:r\w+@sha256:/);
      served.push(record.served ?? 0);
    }
    t.diagnostic(`asked → served: ${served.join(", ")} ms`);
    await counted(workspace, 12);
    const last = await workspace.facts();
    assert.equal(last.uid, first.uid);
    assert.equal(last.ip, first.ip);
    for (const container of ["ide", "inpod", "live"]) assert.equal(last.restarts[container], 0, container);
    assert.deepEqual(await backoffEvents(workspace), []);

    // The token is the helper's alone.
    for (const container of ["app", "ide"]) {
      for (const path of ["/inpod/secrets/kube", "/var/run/secrets/kubernetes.io"]) {
        assert.notEqual((await workspace.exec(container, ["ls", path])).code, 0, `${container} ${path}`);
      }
    }
    for (const [verb, what] of [
      ["get", `pod/${workspace.pod}`],
      ["delete", `pod/${workspace.pod}`],
      ["patch", "pod/another-0"],
      ["create", "pods/exec"],
      ["list", "secrets"],
    ] as const) {
      const { stdout } = await asAccount(workspace, "auth", "can-i", verb, what);
      assert.equal(stdout.trim(), "no", `${verb} ${what}`);
    }

    await stage.cluster.helm(["install", "inpod-admin", adminChart, "-n", workspace.namespace]);
    t.after(() => stage.cluster.helm(["uninstall", "inpod-admin", "-n", workspace.namespace]));
    // Another value each time: until the policy is in force it goes through, and what changes nothing is never refused.
    const label = () => ({ op: "add", path: "/metadata/labels/tried", value: `t${Date.now()}` });
    await until("the policy is in force", async () => (await patch(workspace, label())).code !== 0);

    const containers: { name: string; image: string }[] = JSON.parse(
      await stage.cluster.kubectl([
        "-n",
        workspace.namespace,
        "get",
        "pod",
        workspace.pod,
        "-o",
        "jsonpath={.spec.containers}",
      ]),
    );
    const at = (name: string) => `/spec/containers/${containers.findIndex((one) => one.name === name)}/image`;
    const digest = image.split("@")[1] ?? "";
    const [repository = ""] = /^[^@]*(?=:[^/@]*@)/.exec(image) ?? [];
    const replace = (container: string, value: string) => ({ op: "replace", path: at(container), value });
    for (const [what, operation, reason] of [
      [
        "another digest",
        replace("app", `${repository}:r1@sha256:${"0".repeat(64)}`),
        /nothing of an app's image but its tag/,
      ],
      ["another repository", replace("app", `evil.example/app:r1@${digest}`), /but its tag/],
      ["no digest", replace("app", `${repository}:latest`), /but its tag/],
      ["the IDE's image", replace("ide", `${repository}:r1@${digest}`), /but its tag/],
      ["the helper's image", replace("inpod", `${repository}:r1@${digest}`), /but its tag/],
      [
        "an annotation",
        { op: "add", path: "/metadata/annotations/tried", value: "x" },
        /nothing of the pod's metadata/,
      ],
      ["a deadline", { op: "add", path: "/spec/activeDeadlineSeconds", value: 1 }, /nothing else of the pod/],
    ] as const) {
      const { code, stdout, stderr } = await patch(workspace, operation);
      assert.notEqual(code, 0, `${what}: ${stdout}`);
      assert.match(stdout, /ValidatingAdmissionPolicy 'inpod-admin'/, `${what}: ${stderr}`);
      assert.match(stdout, reason, what);
    }
    // The first of them may come so late that no wait is due.
    const images: string[] = [];
    for (let i = 0; i < 3; i++) {
      const { code, record, stderr } = await workspace.restart("app", "--container");
      assert.equal(code, 0, stderr);
      if (record.image !== undefined) images.push(record.image);
    }
    assert.ok(images.length > 0, "with the policy in force, restarted by the tag");
    for (const changed of images) assert.match(changed, new RegExp(`:r\\w+@${digest}$`));
    await counted(workspace, 15);
  },
);

test(
  "an image without a digest waits, told beforehand with the fix, and the wait isn't taken from --timeout",
  { timeout: 180_000 },
  async (t) => {
    const workspace = await install("alias-tag", stage.exampleImage("node"));
    t.after(() => workspace.uninstall());
    for (let i = 0; i < 2; i++) assert.equal((await workspace.restart("--timeout", "30s")).code, 0);
    const [app] = (await workspace.status()).app;
    assert.equal(app?.backoff.waitSeconds, 10);
    const { code, record, stderr } = await workspace.restart("--timeout", "8s");
    assert.equal(code, 0, stderr);
    assert.match(
      stderr,
      /given by its digest \(name:tag@sha256:…\).*the kubelet would wait 10 s: 2 restarts in 10 min/,
    );
    assert.match(stderr, /waiting in back-off until \d\d:\d\d:\d\d UTC/);
    assert.ok((record.served ?? 0) > 10_000, JSON.stringify(record));
    await counted(workspace, 3);
  },
);
