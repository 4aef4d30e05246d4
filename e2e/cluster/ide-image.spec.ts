import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { buildAll } from "../../build.ts";
import { createCluster, type Cluster } from "./cluster.ts";
import { buildImages } from "./images.ts";

const NAMESPACE = "ide-image-spec";
const progress = (line: string): void => console.error(`# ${line}`);

let cluster: Cluster;

/** What the chart promises of the IDE's container: any uid, no capabilities, nothing writable but its volumes. */
function pod(image: string): object {
  const volumes = { home: "/home/inpod", tmp: "/tmp", source: "/workspace", run: "/inpod/run" };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "ide", namespace: NAMESPACE },
    spec: {
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      securityContext: {
        runAsNonRoot: true,
        runAsUser: 12345,
        runAsGroup: 12345,
        fsGroup: 2000,
        seccompProfile: { type: "RuntimeDefault" },
      },
      volumes: Object.keys(volumes).map((name) => ({ name, emptyDir: {} })),
      containers: [
        {
          name: "ide",
          image,
          args: [
            "--socket=/inpod/run/ide.sock",
            "--socket-mode=0660",
            "--auth=none",
            "--disable-telemetry",
            "--disable-update-check",
            "--config=/home/inpod/config.yaml",
            "--user-data-dir=/home/inpod/data",
            "--extensions-dir=/home/inpod/extensions",
            "/workspace",
          ],
          securityContext: {
            readOnlyRootFilesystem: true,
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
          },
          volumeMounts: Object.entries(volumes).map(([name, mountPath]) => ({ name, mountPath })),
        },
      ],
    },
  };
}

before(async () => {
  await buildAll(progress);
  const { ide } = await buildImages({ targets: ["ide"], progress });
  cluster = await createCluster({ progress });
  await cluster.loadImage(ide.ref, ide.archive);
  await cluster.kubectl(["delete", "namespace", NAMESPACE, "--ignore-not-found"]);
  await cluster.kubectl(["create", "namespace", NAMESPACE]);
  await cluster.kubectl(["label", "namespace", NAMESPACE, "pod-security.kubernetes.io/enforce=restricted"]);
  await cluster.kubectl(["create", "--filename=-"], { input: JSON.stringify(pod(ide.ref)) });
  await cluster.kubectl(["wait", "--for=condition=Ready", "pod/ide", `--namespace=${NAMESPACE}`, "--timeout=60s"]);
});

after(async () => {
  await cluster?.kubectl(["delete", "namespace", NAMESPACE, "--wait=false"]).catch(() => {});
  await cluster?.close();
});

/** Runs a line of shell in the IDE's container; stdout and stderr together. */
const shell = (line: string): Promise<string> =>
  cluster.kubectl(["exec", "ide", `--namespace=${NAMESPACE}`, "--", "bash", "-c", `{ ${line}\n} 2>&1`]);

test("code-server answers on its Unix socket, as a uid that no one knows, on a read-only root", async () => {
  const deadline = Date.now() + 30_000;
  let answer = "";
  while (!answer.includes("status") && Date.now() < deadline) {
    answer = await shell("curl --silent --unix-socket /inpod/run/ide.sock http://ide/healthz").catch(String);
    await sleep(200);
  }
  assert.match(answer, /"status":"(alive|expired)"/);
  assert.equal((await shell("stat --format '%a %u %g' /inpod/run/ide.sock")).trim(), "660 12345 2000");
  assert.match(await shell("touch /etc/x || true"), /Read-only file system/);
});

test("nothing listens on a TCP port", async () => {
  const listening = await shell("awk 'FNR > 1 && $4 == \"0A\"' /proc/net/tcp /proc/net/tcp6");
  assert.equal(listening, "");
});

test("the commands are on the PATH, under the image's own Node", async () => {
  assert.match(await shell("inpod --help"), /restart/);
  assert.match(await shell("restart --help"), /^Usage: (inpod )?restart .*\[app\]/m);
  assert.equal((await shell("node --version")).trim(), "v24.21.0");
  await shell("npm --version && npx --version && git --version && rg --version && jq --version && vim --version");
});

test("git works on files of another owner, and ssh starts for a uid without an entry in passwd", async () => {
  assert.match(
    await shell("mkdir /workspace/r && cd /workspace/r && git init --quiet . && git status"),
    /On branch main/,
  );
  assert.equal((await shell("git config --system safe.directory")).trim(), "*");
  const refused = await shell("ssh -o BatchMode=yes -o ConnectTimeout=1 nowhere.invalid true || true");
  assert.match(refused, /Could not resolve hostname/);
});

test("an interactive bash completes, and its prompt shows the folder, the branch and a failure", async () => {
  const line = `cd /workspace/r && printf 'false\\n__inpod_prompt; echo "=$PS1="\\ncomplete -p -D\\n' | bash -i`;
  const said = await shell(line);
  assert.match(said, /_completion_loader/);
  assert.match(said, /=.*\\w.*main.*=/);
});

test("inpod's extension is among the built-in ones", async () => {
  const folder = "/opt/inpod/code-server/lib/vscode/extensions";
  assert.ok(JSON.parse(await shell(`cat ${folder}/inpod/package.json`)));
  assert.ok(JSON.parse(await shell(`cat ${folder}/git/package.json`)));
});

test("the build's own authorities and caches are not in the image", async () => {
  assert.equal(
    (await shell("ls /opt/inpod/code-server/package-lock.json /root/.npm /tmp/npm || true")).match(
      /No such file|Permission denied/g,
    )?.length,
    3,
  );
});
