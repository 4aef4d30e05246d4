import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { parseFrontConfig } from "../intercepts/front/config.ts";
import { parseConfig } from "../sidecar/helper/config.ts";
import { parseConfig as parseAgentConfig } from "../sidecar/source-agent/config.ts";
import { restrictedProblems, type Container, type PodSpec } from "./pod-security.ts";
import { objectsIn, render, type KubeObject } from "./render.ts";

// What holds for every workspace, whatever its values: looked up in all golden renders.

const folder = fileURLToPath(new URL("./golden/", import.meta.url));
const goldens = await Promise.all(
  (await readdir(folder))
    .filter((name) => name.endsWith(".golden.yaml"))
    .sort()
    .map(async (name) => ({ name, objects: objectsIn(await readFile(`${folder}${name}`, "utf8")) })),
);
assert.ok(goldens.length > 3);

function podOf({ spec }: KubeObject): PodSpec | undefined {
  const template = spec?.["template"] as { readonly spec: PodSpec } | undefined;
  return template?.spec;
}

const containersOf = (pod: PodSpec): Container[] => [...(pod.initContainers ?? []), ...pod.containers];

const mountedBy = (pod: PodSpec, volume: string): string[] =>
  containersOf(pod)
    .filter(({ volumeMounts = [] }) => volumeMounts.some(({ name }) => name === volume))
    .map(({ name }) => name);

const isHook = ({ metadata }: KubeObject) => metadata.annotations?.["helm.sh/hook"] !== undefined;

for (const { name, objects } of goldens) {
  const set = objects.find(({ kind }) => kind === "StatefulSet");
  const pod = set === undefined ? undefined : podOf(set);
  assert.ok(pod !== undefined, name);

  describe(name, () => {
    test("every pod, the hook's too, fits Pod Security restricted", () => {
      const pods = objects.map(podOf).filter((each) => each !== undefined);
      assert.deepEqual(pods.flatMap(restrictedProblems), []);
    });

    const alias = "restart-without-backoff.golden.yaml";
    test("only where it is asked for: one verb on one pod, by a token that lives an hour and only the helper mounts", () => {
      if (name !== alias) return assert.deepEqual(mountedBy(pod, "kube"), []);
      const account = "hello-inpod-restart";
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.serviceAccountName, account);
      assert.deepEqual(mountedBy(pod, "kube"), ["inpod"]);
      const of = (kind: string) => objects.filter((object) => object.kind === kind);
      assert.deepEqual(
        of("Role").map(({ rules }) => rules),
        [[{ apiGroups: [""], resources: ["pods"], resourceNames: ["hello-0"], verbs: ["patch"] }]],
      );
      assert.deepEqual(
        ["ServiceAccount", "Role", "RoleBinding"].map((kind) => of(kind).map(({ metadata }) => metadata.name)),
        [[account], [account], [account]],
      );
      const tokens = (pod.volumes ?? []).filter((volume) => "projected" in volume);
      assert.deepEqual(tokens, [
        {
          name: "kube",
          projected: {
            defaultMode: 0o440,
            sources: [
              { serviceAccountToken: { path: "token", expirationSeconds: 3600 } },
              { configMap: { name: "kube-root-ca.crt", items: [{ key: "ca.crt", path: "ca.crt" }] } },
            ],
          },
        },
      ]);
    });

    test("the workspace has no token and no rights", () => {
      if (name === alias) return;
      assert.equal(pod.automountServiceAccountToken, false);
      assert.equal(pod.serviceAccountName, undefined);
      assert.ok(!(pod.volumes ?? []).some((volume) => "projected" in volume));
      const kinds = objects.filter((object) => !isHook(object)).map(({ kind }) => kind);
      const allowed = new Set(["StatefulSet", "Service", "Ingress", "HTTPRoute", "ConfigMap"]);
      assert.deepEqual(
        kinds.filter((kind) => !allowed.has(kind)),
        [],
      );
    });

    test("the hook may create Secrets in its namespace, and nothing else; it is there only where a password is to be made", () => {
      const hooks = objects.filter(isHook);
      const password = envOf(pod, "inpod", "INPOD_AUTH_MODE") === "password";
      const made = password && secretOf(pod) === `${set?.metadata.name ?? ""}-login`;
      const kinds = made ? ["Job", "Role", "RoleBinding", "ServiceAccount"] : [];
      assert.deepEqual(hooks.map(({ kind }) => kind).sort(), kinds);
      for (const hook of hooks) {
        assert.equal(hook.metadata.annotations?.["helm.sh/hook-delete-policy"], "before-hook-creation,hook-succeeded");
        if (hook.kind === "Role")
          assert.deepEqual(hook.rules, [{ apiGroups: [""], resources: ["secrets"], verbs: ["create"] }]);
      }
    });

    test("all of ours on a read-only root", () => {
      const own = containersOf(pod).filter(({ livenessProbe }) => livenessProbe === undefined);
      assert.ok(own.length >= 3);
      for (const container of own)
        assert.equal(container.securityContext?.readOnlyRootFilesystem, true, container.name);
    });

    test("each volume is mounted by those it is for, and no other", () => {
      const apps = appsOf(pod);
      assert.deepEqual(mountedBy(pod, "login"), secretOf(pod) === undefined ? [] : ["inpod"]);
      assert.deepEqual(mountedBy(pod, "helper"), ["inpod"]);
      assert.deepEqual(mountedBy(pod, "run"), ["ide", "inpod"]);
      const front = pod.containers.some((each) => each.name === "front");
      assert.deepEqual(mountedBy(pod, "run-front"), front ? ["inpod", "front"] : []);
      assert.deepEqual(mountedBy(pod, "home"), ["ide"]);
      assert.deepEqual(
        mountedBy(pod, "git-credentials").filter((each) => each !== "source"),
        [],
      );
      for (const app of pod.containers.filter((each) => apps.includes(each.name))) {
        const control = app.volumeMounts?.find((mount) => mount.name === "control");
        assert.equal(control?.subPath, app.name, "an app sees its own control folder only");
        assert.equal(app.volumeMounts?.find((mount) => mount.name === "kit")?.readOnly, true);
      }
    });

    test("what boosts a boot is kept in the app's own folder of a volume that no other container mounts", () => {
      const boosted = pod.containers.filter(({ command = [] }) => command.includes("--default-env"));
      assert.deepEqual(
        mountedBy(pod, "boosters-cache"),
        boosted.map((app) => app.name),
      );
      for (const app of boosted) {
        const mount = (volume: string) => app.volumeMounts?.find((each) => each.name === volume);
        assert.equal(mount("boosters-cache")?.subPath, app.name);
        const paths = defaultsOf(app).map((each) => /\/inpod\/[^/]+/.exec(each)?.[0] ?? each);
        const mounted = [mount("boosters-cache"), mount("boosters")].map((each) => each?.mountPath);
        assert.deepEqual(new Set(paths), new Set(mounted.filter((each) => each !== undefined)));
      }
      for (const app of boosted) assert.ok(app.command?.includes("supervise"), "by the supervisor, or not at all");
    });

    test("what the IDE's tools cache in their home (Go: ~/.cache/go-build, ~/go) outlives its container", () => {
      const ide = pod.containers.find((each) => each.name === "ide");
      assert.equal(envOf(pod, "ide", "HOME"), ide?.volumeMounts?.find((each) => each.name === "home")?.mountPath);
      assert.ok(!(ide?.env ?? []).some((each) => /^(GO.*|XDG_CACHE_HOME)$/.test(each.name)));
    });

    test("every mount has its volume", () => {
      const claims = (set?.spec?.["volumeClaimTemplates"] ?? []) as readonly KubeObject[];
      const volumes = new Set([
        ...(pod.volumes ?? []).map((volume) => volume["name"]),
        ...claims.map(({ metadata }) => metadata.name),
      ]);
      const mounts = containersOf(pod).flatMap(({ volumeMounts = [] }) => volumeMounts.map((mount) => mount.name));
      assert.deepEqual(
        mounts.filter((mount) => !volumes.has(mount)),
        [],
      );
    });

    test("an app's liveness probe asks the responder, which is told of it, with the same threshold", () => {
      const live = pod.initContainers?.find((each) => each.name === "live");
      const apps = appsOf(pod);
      assert.equal(live === undefined, apps.length === 0);
      for (const app of pod.containers.filter((each) => apps.includes(each.name))) {
        const [, , , port, , threshold] = live?.command ?? [];
        assert.deepEqual(app.livenessProbe, {
          httpGet: { path: `/live/${app.name}`, port: Number(port) },
          periodSeconds: 1,
          timeoutSeconds: 5,
          failureThreshold: Number(threshold),
          terminationGracePeriodSeconds: 2,
        });
        assert.ok(live?.command?.includes(`${app.name}=/inpod/app/${app.name}/liveness`));
      }
      // https://github.com/kubernetes/kubernetes/issues/137146
      assert.equal(live?.startupProbe, undefined);
      assert.equal(live?.restartPolicy ?? "Always", "Always");
    });

    test("the IDE gets nothing of the app's environment", () => {
      const ide = pod.containers.find((each) => each.name === "ide");
      assert.equal(ide?.envFrom, undefined);
      const names = new Set(["INPOD_HOME", "INPOD_RELEASE", "INPOD_LIVE_PORT", "HOME", "PATH", "EDITOR"]);
      assert.deepEqual(
        (ide?.env ?? []).filter((each) => !names.has(each.name) && !/^INPOD_(SOURCE_PATH$|RESTART_)/.test(each.name)),
        [],
      );
    });

    test("the front takes its environment, and the app's Service sends to it", () => {
      const front = pod.containers.find((each) => each.name === "front");
      if (front === undefined) return;
      const config = parseFrontConfig(Object.fromEntries((front.env ?? []).map((each) => [each.name, each.value])));
      const swaps = config.targets.length === 2;
      const service = objects.find(({ kind, metadata }) => kind === "Service" && metadata.name === set?.metadata.name);
      const ports = service?.spec?.["ports"] as readonly { readonly port: number; readonly targetPort: number }[];
      assert.deepEqual(
        ports.filter(({ port, targetPort }) => port !== targetPort),
        swaps ? [] : [{ ...ports.find(({ port }) => port === config.targets[0]), targetPort: config.port }],
      );
      // With swap the front is where the app would be; the supervisor is told the same two ports.
      const app = pod.containers.find(({ command = [] }) => command.includes("--swap-port"));
      assert.equal(
        app?.command?.[app.command.indexOf("--swap-port") + 1],
        swaps ? config.targets.join(",") : undefined,
      );
      if (swaps) assert.ok(ports.some(({ port }) => port === config.port));
      const helper = pod.containers.find((each) => each.name === "inpod")?.env ?? [];
      assert.equal(helper.find((each) => each.name === "INPOD_FRONT_SOCKET")?.value, config.socket);
      assert.equal(helper.find((each) => each.name === "INPOD_APPS")?.value?.match(/"front":/g)?.length, 1);
      const own = pod.containers.filter(({ securityContext }) => securityContext?.["runAsUser"] === 64_001);
      assert.equal(own.length, 1, "its uid is nobody else's");
    });

    test("the helper takes its environment, and knows every name in it", () => {
      const env = pod.containers.find((each) => each.name === "inpod")?.env ?? [];
      // What the kubelet fills in: fields of the pod, and where the API server is.
      const given = Object.fromEntries(env.map((each) => [each.name, each.value ?? "a-field"]));
      const config = parseConfig({ ...given, KUBERNETES_SERVICE_HOST: "10.96.0.1", KUBERNETES_SERVICE_PORT: "443" });
      assert.equal(config.kube === undefined, name !== alias);
      assert.deepEqual(config.unknown, []);
      assert.equal(config.release, set?.metadata.name);
      assert.deepEqual(
        config.apps.map((app) => app.name),
        appsOf(pod),
      );
    });
  });
}

test("what restricted refuses is found", () => {
  const bad: PodSpec = {
    hostNetwork: true,
    securityContext: { sysctls: [{ name: "kernel.shm_rmid_forced" }] },
    volumes: [{ name: "root", hostPath: { path: "/" } }],
    containers: [
      {
        name: "bad",
        image: "x",
        ports: [{ containerPort: 80, hostPort: 80 }],
        securityContext: {
          privileged: true,
          runAsUser: 0,
          procMount: "Unmasked",
          capabilities: { add: ["SYS_ADMIN"] },
        },
      },
    ],
  };
  assert.deepEqual(restrictedProblems(bad), [
    "hostNetwork",
    "sysctl kernel.shm_rmid_forced",
    "volume root is a hostPath",
    "bad: privileged",
    "bad: allowPrivilegeEscalation isn't false",
    "bad: runAsNonRoot isn't true",
    "bad: runs as uid 0",
    "bad: no seccomp profile",
    "bad: doesn't drop all capabilities",
    "bad: adds capabilities",
    "bad: procMount",
    "bad: has a host port",
  ]);
});

/** Names of the app containers. */
function appsOf(pod: PodSpec): string[] {
  const own = new Set(["ide", "inpod", "front"]);
  return pod.containers.map(({ name }) => name).filter((name) => !own.has(name));
}

const defaultsOf = ({ command = [] }: Container): string[] =>
  command.filter((_, at) => command[at - 1] === "--default-env");

function envOf(pod: PodSpec, container: string, name: string): string | undefined {
  return pod.containers.find((each) => each.name === container)?.env?.find((each) => each.name === name)?.value;
}

/** The Secret that the helper takes its password from. */
function secretOf(pod: PodSpec): string | undefined {
  const login = pod.volumes?.find((volume) => volume["name"] === "login");
  return (login?.["secret"] as { readonly secretName: string } | undefined)?.secretName;
}

test("a booster goes where it helps: switched on, by a supervisor, and not under Node's permission model", async () => {
  const names = async (app: object, boosters: object = {}) => {
    const own = { image: "registry.example/cart:1", sourcePath: "/app", command: ["npm", "start"], ...app };
    const { objects } = await render({ app: own, restart: { boosters }, auth: { mode: "none" } });
    const pod = objects.map(podOf).find((each) => each !== undefined);
    assert.ok(pod !== undefined);
    const defaults = defaultsOf(pod.containers[0] ?? assert.fail());
    assert.equal(
      (pod.volumes ?? []).some((each) => each["name"] === "boosters-cache"),
      defaults.length > 0,
    );
    const files = objects.some(({ kind }) => kind === "ConfigMap");
    return [defaults.map((each) => /^\w+/.exec(each)?.[0]).join(" "), files];
  };
  const both = { node: true, python: true };
  assert.deepEqual(await names({}, both), ["NODE_OPTIONS NODE_COMPILE_CACHE PYTHONPYCACHEPREFIX", true]);
  assert.deepEqual(await names({}, { python: true, java: true }), ["PYTHONPYCACHEPREFIX JAVA_TOOL_OPTIONS", false]);
  assert.deepEqual(await names({}), ["", false]);
  assert.deepEqual(await names({ command: [] }, both), ["", false]);
  const confined = { command: ["node"], args: ["--permission", "--allow-fs-read=/app", "server.js"] };
  assert.deepEqual(await names(confined, both), ["PYTHONPYCACHEPREFIX", false]);
});

test("a build command and the globs reach the source agent as they were written", async () => {
  const build = `go build -ldflags "-X main.at=$(date) it's $$ $HOME" .`;
  const restart = { onSave: true, build, ignore: ["a$$b/**", "it's"] };
  const app = { image: "registry.example/cart:1", sourcePath: "/app", command: ["node"] };
  const { objects } = await render({ app, restart, auth: { mode: "none" } });
  const spec = objects.find(({ kind }) => kind === "StatefulSet")?.["spec"] as {
    template: { spec: { containers: { name: string; env: { name: string; value: string }[] }[] } };
  };
  const env = spec.template.spec.containers.find(({ name }) => name === "ide")?.env ?? [];
  // As the kubelet reads it: `$$` is a dollar.
  const seen = Object.fromEntries(env.map(({ name, value }) => [name, value.replaceAll("$$", "$")]));
  const config = parseAgentConfig(seen);
  assert.equal(config.build, build);
  assert.deepEqual(config.ignore, restart.ignore);
  assert.deepEqual(config.apps, ["app"]);
  assert.equal(config.root, "/app");
});
