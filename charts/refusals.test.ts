import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { mergeValues, valueAt } from "./merge.ts";
import { renderMany } from "./render-many.ts";
import { chart, refusal, render } from "./render.ts";

// What can't work is refused before anything is installed, in a sentence with the value and the fix.

const app = { image: "registry.example/cart:1", sourcePath: "/app" };
const good = { app, auth: { mode: "none" } };

const refused: readonly (readonly [title: string, values: object, sentence: RegExp])[] = [
  ["no auth", { app }, /auth\.mode is not set: who may open the IDE.*password.*proxy.*none/s],
  [
    "auth mode with a typo",
    mergeValues(good, { auth: { mode: "pasword" } }),
    /'\/auth\/mode': value must be one of .*'password', 'proxy', 'none'/,
  ],
  [
    "a proxy that nobody trusts",
    mergeValues(good, { auth: { mode: "proxy" } }),
    /auth\.proxy\.trusted is empty: any pod could claim/,
  ],
  [
    "a Secret that isn't asked",
    mergeValues(good, { auth: { existingSecret: "login" } }),
    /auth\.existingSecret is "login", but auth\.mode is none/,
  ],
  [
    "on save without a process to restart",
    mergeValues(good, { restart: { onSave: true } }),
    /restart\.onSave is true, but no app with a sourcePath is restarted by its process.*Give app\.command/,
  ],
  [
    "globs that nothing looks at",
    mergeValues(good, { restart: { ignore: ["logs/**"] } }),
    /restart\.ignore is set, but restart\.onSave is false and nothing is watched/,
  ],
  [
    "a build without an app",
    { mode: "standalone", auth: { mode: "none" }, restart: { build: "make" } },
    /mode is standalone, which has no app to restart, but restart\.build is set/,
  ],
  [
    "a build command that is neither a line nor a list",
    mergeValues(good, { restart: { build: { run: "make" } } }),
    /\/restart\/build/,
  ],
  ["no app image", mergeValues(good, { app: { image: "" } }), /app\.image is not set: which image.*standalone/],
  [
    "a longest wait that no kubelet takes",
    mergeValues(good, { restart: { maxContainerRestartPeriod: "301s" } }),
    /restart\.maxContainerRestartPeriod is "301s": the kubelet takes 1s to 300s/,
  ],
  [
    "a longest wait in another unit",
    mergeValues(good, { restart: { maxContainerRestartPeriod: "5m" } }),
    /maxContainerRestartPeriod.*does not match pattern/,
  ],
  [
    "restarts without back-off where there is no app",
    { mode: "standalone", auth: { mode: "none" }, rbac: { restartWithoutBackoff: true } },
    /rbac\.restartWithoutBackoff is true, but mode is standalone/,
  ],
  ["no values at all", {}, /auth\.mode is not set/],
  ["no source path", mergeValues(good, { app: { sourcePath: "" } }), /app\.sourcePath is not set: in which folder/],
  [
    "source path /",
    mergeValues(good, { app: { sourcePath: "/" } }),
    /app\.sourcePath can't be "\/": the volume would hide the whole root/,
  ],
  [
    "source path that means /",
    mergeValues(good, { app: { sourcePath: "/app/.." } }),
    /app\.sourcePath can't be "\/app\/\.\.": the volume would hide the whole root/,
  ],
  [
    "relative source path",
    mergeValues(good, { app: { sourcePath: "app" } }),
    /app\.sourcePath can't be "app": it is not an absolute path/,
  ],
  [
    "source path over programs",
    mergeValues(good, { app: { sourcePath: "/usr/local/" } }),
    /"\/usr\/local\/": the volume would hide what/,
  ],
  [
    "source path of ours",
    mergeValues(good, { app: { sourcePath: "/inpod/run" } }),
    /"\/inpod\/run": that place is inpod's own/,
  ],
  [
    "source path of one of several apps",
    { apps: { a: app, b: { ...app, sourcePath: "/etc" } }, auth: good.auth },
    /apps\.b\.sourcePath can't be "\/etc"/,
  ],
  [
    "several apps without any source",
    { apps: { a: { image: "x" } }, auth: good.auth },
    /no app of apps has a sourcePath/,
  ],
  ["one of several apps without an image", { apps: { a: app, b: {} }, auth: good.auth }, /apps\.b\.image is not set/],
  [
    "both app and apps",
    mergeValues(good, { apps: { web: app } }),
    /Both app and apps are set \(app\.image, app\.sourcePath, and apps with web\)/,
  ],
  [
    "an app with the helper's port",
    mergeValues(good, { app: { ports: [{ containerPort: 7777 }] } }),
    /App app has port TCP\/7777, which is inpod's own \(helper\.port\).*Set helper\.port/,
  ],
  [
    "an app with the responder's port",
    mergeValues(good, { app: { ports: [{ containerPort: 80 }, { containerPort: 7779 }] } }),
    /TCP\/7779, which is inpod's own \(restart\.probe\.port\)/,
  ],
  [
    "an app with a changed port of ours",
    mergeValues(good, { helper: { port: 3000 }, app: { ports: [{ containerPort: 3000 }] } }),
    /TCP\/3000, which is inpod's own/,
  ],
  [
    "our ports on each other",
    mergeValues(good, { helper: { port: 7779 } }),
    /restart\.probe\.port and helper\.port are both 7779/,
  ],
  [
    "two apps on one port",
    {
      apps: { a: { ...app, ports: [{ containerPort: 80 }] }, b: { ...app, ports: [{ containerPort: 80 }] } },
      auth: good.auth,
    },
    /App b has port TCP\/80, which app a has too/,
  ],
  [
    "an app's name that is no label",
    mergeValues(good, { app: { name: "My_App" } }),
    /The app can't be called "My_App"/,
  ],
  [
    "an app's name of ours",
    mergeValues(good, { app: { name: "inpod" } }),
    /The app can't be called "inpod": that is the name of one of inpod's own/,
  ],
  ["an app's name like a toolchain", mergeValues(good, { app: { name: "toolchain-0" } }), /one of inpod's own/],
  [
    "threshold 0",
    mergeValues(good, { restart: { probe: { failureThreshold: 0 } } }),
    /restart\.probe\.failureThreshold is 0.*1 to 10/,
  ],
  [
    "a liveness probe",
    mergeValues(good, { app: { livenessProbe: { httpGet: { path: "/", port: 80 } } } }),
    /app\.livenessProbe can't be set.*breakpoint/,
  ],
  [
    "mode with a typo",
    mergeValues(good, { mode: "side-car" }),
    /'\/mode': value must be one of 'sidecar', 'standalone'/,
  ],
  [
    "an app in standalone",
    mergeValues(good, { mode: "standalone" }),
    /mode is standalone, which has no app container, but app\.image is set/,
  ],
  [
    "source from a typo",
    mergeValues(good, { source: { from: "gti" } }),
    /'\/source\/from': value must be one of 'image', 'git', 'claim'/,
  ],
  ["git without a repository", mergeValues(good, { source: { from: "git" } }), /source\.git\.url is not set/],
  [
    "a repository that isn't asked",
    mergeValues(good, { source: { git: { url: "https://git.example/x" } } }),
    /source\.git\.url is "https:\/\/git\.example\/x", but source\.from is image/,
  ],
  ["claim without a claim", mergeValues(good, { source: { from: "claim" } }), /source\.claim is not set/],
  [
    "a claim that isn't asked",
    mergeValues(good, { source: { claim: "c" } }),
    /source\.claim is "c", but source\.from is image/,
  ],
  [
    "a claim with a size",
    mergeValues(good, { source: { from: "claim", claim: "c", size: "1Gi" } }),
    /source\.size is "1Gi", but the source is an existing claim/,
  ],
  [
    "two homes",
    mergeValues(good, { ide: { persistence: { size: "1Gi", existingClaim: "c" } } }),
    /existingClaim \("c"\) and size \("1Gi"\)/,
  ],
  [
    "toolchain path /",
    mergeValues(good, { ide: { toolchains: [{ image: "go", path: "/" }] } }),
    /ide\.toolchains\[0\]\.path can't be "\/"/,
  ],
  [
    "toolchain over our Node",
    mergeValues(good, { ide: { toolchains: [{ image: "node", path: "/usr/local" }] } }),
    /ide\.toolchains\[0\]\.path can't be "\/usr\/local"/,
  ],
  [
    "toolchain on the source",
    mergeValues(good, { ide: { toolchains: [{ image: "go", path: "/app/" }] } }),
    /ide\.toolchains\[0\]\.path is "\/app\/", where the source is already/,
  ],
  [
    "two toolchains at one path",
    mergeValues(good, {
      ide: {
        toolchains: [
          { image: "go", path: "/go" },
          { image: "go", path: "/go" },
        ],
      },
    }),
    /where ide\.toolchains\[0\] is already/,
  ],
  ["an Ingress without a host", mergeValues(good, { ingress: { enabled: true } }), /ingress\.host is not set/],
  [
    "a route without a Gateway",
    mergeValues(good, { httpRoute: { enabled: true, hostnames: ["a.example"] } }),
    /httpRoute\.parentRefs is empty/,
  ],
  [
    "two base paths",
    mergeValues(good, {
      ingress: { enabled: true, host: "a.example", path: "/a" },
      httpRoute: { enabled: true, hostnames: ["a.example"], parentRefs: [{ name: "g" }], path: "/b" },
    }),
    /ingress\.path is "\/a" and httpRoute\.path is "\/b"/,
  ],
  [
    "threshold 11",
    mergeValues(good, { restart: { probe: { failureThreshold: 11 } } }),
    /failureThreshold is 11.*1 to 10/,
  ],
  [
    "root",
    mergeValues(good, { app: { securityContext: { runAsUser: 0 } } }),
    /app\.securityContext\.runAsUser is 0, but nothing in this pod runs as root.*app\.securityContext\.runAsNonRoot/,
  ],
  [
    "root in one of several apps",
    { apps: { a: app, b: { ...app, securityContext: { runAsUser: 0 } } }, auth: good.auth },
    /apps\.b\.securityContext\.runAsUser is 0/,
  ],
  [
    "a host with a wildcard",
    mergeValues(good, { ingress: { enabled: true, host: "*.example" } }),
    /ingress\.host is "\*\.example": it must be one host name/,
  ],
  [
    "a route's host in upper case",
    mergeValues(good, { httpRoute: { enabled: true, hostnames: ["A.example"], parentRefs: [{ name: "g" }] } }),
    /an entry of httpRoute\.hostnames is "A\.example"/,
  ],
  [
    "a path of inpod's own",
    mergeValues(good, { ingress: { enabled: true, host: "a.example", path: "/team/-/x" } }),
    /The IDE's path is "\/team\/-\/x"/,
  ],
  [
    "a port that is none",
    mergeValues(good, { app: { ports: [{ containerPort: 70000 }] } }),
    /'\/app\/ports\/0\/containerPort': maximum: got 70,?000, want 65,?535/,
  ],
  [
    "a front without a command",
    mergeValues(good, { app: { ports: [{ containerPort: 80 }] }, front: { enabled: true } }),
    /front\.enabled is true, but app app has no command/,
  ],
  [
    "a front without a port",
    mergeValues(good, { app: { command: ["x"] }, front: { enabled: true } }),
    /front\.enabled is true, but no app has a TCP port/,
  ],
  [
    "a front before an app that isn't there",
    mergeValues(good, {
      app: { command: ["x"], ports: [{ containerPort: 80 }] },
      front: { enabled: true, app: "web" },
    }),
    /front\.app is "web", but there is no app of that name; there are: app/,
  ],
  [
    "a front without an app",
    { mode: "standalone", auth: good.auth, front: { enabled: true } },
    /front\.enabled is true, but mode is standalone/,
  ],
  [
    "a front on the app's port",
    mergeValues(good, { app: { command: ["x"], ports: [{ containerPort: 7780 }] }, front: { enabled: true } }),
    /App app has port TCP\/7780, which is inpod's own \(front\.port\)/,
  ],
  [
    "a front on a port of ours",
    mergeValues(good, {
      app: { command: ["x"], ports: [{ containerPort: 80 }] },
      front: { enabled: true, port: 7779 },
    }),
    /front\.port and restart\.probe\.port are both 7779/,
  ],
  [
    "a swap without a front",
    mergeValues(good, {
      app: { command: ["x"], ports: [{ containerPort: 80 }] },
      restart: { swap: { enabled: true } },
    }),
    /restart\.swap\.enabled is true, but front\.enabled is not/,
  ],
  [
    "a swap on a port of ours",
    mergeValues(good, {
      app: { command: ["x"], ports: [{ containerPort: 80 }] },
      front: { enabled: true },
      restart: { swap: { enabled: true, ports: [7777, 7778] } },
    }),
    /restart\.swap\.ports has the port of helper\.port/,
  ],
  [
    "a swap on the app's own port",
    mergeValues(good, {
      app: { command: ["x"], ports: [{ containerPort: 7781 }] },
      front: { enabled: true },
      restart: { swap: { enabled: true } },
    }),
    /App app has port TCP\/7781, which is inpod's own \(restart\.swap\.ports\)/,
  ],
  [
    "an address that is none",
    mergeValues(good, { auth: { mode: "proxy", proxy: { trusted: ["proxy.example"] } } }),
    /'\/auth\/proxy\/trusted\/0': 'proxy\.example' does not match/,
  ],
  [
    "an origin with a path",
    mergeValues(good, { auth: { origins: ["https://a.example/x"] } }),
    /'\/auth\/origins\/0': 'https:\/\/a\.example\/x' does not match/,
  ],
  [
    "a name that a Service can't have",
    mergeValues(good, { fullnameOverride: "7up" }),
    /The workspace can't be called "7up"/,
  ],
];

describe("refused with a sentence", { concurrency: 2 }, () => {
  for (const [title, values, sentence] of refused) {
    test(title, async () => assert.match(await refusal(values), sentence));
  }
});

test("the values that the refused ones are made of are fine themselves", async () => {
  await render(good);
  await render(mergeValues(good, { app: { ports: [{ containerPort: 7777, protocol: "UDP" }] } }));
});

interface Schema {
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
}
const schema: Schema = JSON.parse(await readFile(join(chart, "values.schema.json"), "utf8"));
const closed = ({ additionalProperties, properties = {} }: Schema, above: readonly string[] = []): string[][] => [
  ...(additionalProperties === false ? [[...above]] : []),
  ...Object.entries(properties).flatMap(([key, inner]) => closed(inner, [...above, key])),
];

test("a key that doesn't exist is named, wherever it is", async () => {
  const places = closed(schema);
  assert.ok(places.length > 15, "the schema is closed");
  const many = places.map((place) => mergeValues(good, valueAt([...place, "sizee"], "1Gi")));
  const said = await renderMany(many).then(
    () => "",
    (error: unknown) => String(error),
  );
  for (const [index, place] of places.entries()) {
    const path = ["", ...place].join("/");
    assert.ok(said.includes(`v${index}:\n- at '${path}': additional properties 'sizee' not allowed`), path);
  }
});

test("so it is in an entry of apps and of toolchains", async () => {
  assert.match(await refusal({ ...good, apps: { web: { imgae: "x" } } }), /'imgae' not allowed/);
  const toolchains = [{ image: "go", path: "/go", bin: "x" }];
  assert.match(await refusal(mergeValues(good, { ide: { toolchains } })), /'bin' not allowed/);
});

test("a section that is set to null is named, not dumped as a nil pointer", async () => {
  const sections = Object.entries(schema.properties ?? {}).filter(([, inner]) => inner.additionalProperties === false);
  assert.ok(sections.length > 8);
  const values = Object.fromEntries(sections.map(([key]) => [key, null]));
  const said = await refusal({ ...good, ...values });
  for (const [key] of sections) assert.match(said, new RegExp(`at '': missing properties .*'${key}'`));
  assert.match(await refusal(mergeValues(good, { source: { from: null } })), /at '\/source': missing property 'from'/);
});

test("a cluster without native sidecars is refused; a helm that knows of no cluster is not", async () => {
  assert.match(
    await refusal(good, { kubernetes: "1.28.15" }),
    /This cluster is Kubernetes v1\.28\.15\. inpod needs 1\.29/,
  );
  await render(good, { kubernetes: "1.29.0-gke.1" });
  await render(good, { kubernetes: "1.20.0" });
});
