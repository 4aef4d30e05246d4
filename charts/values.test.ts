import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { mergeValues, valueAt } from "./merge.ts";
import { renderMany } from "./render-many.ts";
import { chart } from "./render.ts";
import { describeSchema, valueDocs, valueTable } from "./value-docs.ts";

// values.yaml, its schema, the README and the templates say the same, and no value does nothing.
// INPOD_UPDATE_GOLDEN=1 writes the README's table and the schema's descriptions anew (then `npm run format`).

const update = (process.env["INPOD_UPDATE_GOLDEN"] ?? "") !== "";
const read = (name: string) => readFile(join(chart, name), "utf8");
const docs = valueDocs(await read("values.yaml"));

test("every value has a text", () => {
  assert.deepEqual(
    docs.filter(({ text }) => text === "").map(({ path }) => path.join(".")),
    [],
  );
});

test("the README's table is that of values.yaml", async () => {
  const readme = await read("README.md");
  const [start = "", rest = ""] = readme.split(/(?<=<!-- values: .* -->\n)/);
  const generated = `${start}${valueTable(docs)}\n${rest.slice(rest.indexOf("<!-- /values -->"))}`;
  if (update) await writeFile(join(chart, "README.md"), generated);
  else assert.equal(readme, generated);
});

test("the schema's descriptions are those of values.yaml", async () => {
  const text = await read("values.schema.json");
  const described = describeSchema(JSON.parse(text), docs);
  if (update) await writeFile(join(chart, "values.schema.json"), JSON.stringify(described, null, 2));
  else assert.deepEqual(JSON.parse(text), described);
});

test("the schema knows no key that values.yaml doesn't have", async () => {
  interface Schema {
    readonly additionalProperties?: unknown;
    readonly properties?: Readonly<Record<string, Schema>>;
  }
  const schema: Schema = JSON.parse(await read("values.schema.json"));
  const known = ({ properties = {}, additionalProperties }: Schema, above: string[]): string[] =>
    additionalProperties === false
      ? Object.entries(properties).flatMap(([key, inner]) => known(inner, [...above, key]))
      : [above.join(".")];
  // livenessProbe: only so that it can be refused with its reason; global: Helm's own; podSecurityContext: open.
  const documented = new Set([
    ...docs.map(({ path }) => path.join(".")),
    "app.livenessProbe",
    "global",
    "podSecurityContext",
  ]);
  assert.deepEqual(
    known(schema, []).filter((key) => !documented.has(key)),
    [],
  );
});

const app = { image: "registry.example/cart:1", sourcePath: "/app", ports: [{ name: "http", containerPort: 8080 }] };
const base = { app, auth: { mode: "password" } };
const noApp = { app: { image: "", sourcePath: "", ports: [] } };
const git = { source: { from: "git", git: { url: "https://git.example/cart" } } };
const sized = { source: { size: "1Gi" }, ide: { persistence: { size: "1Gi" } } };
const ingress = { ingress: { enabled: true, host: "a.example" } };
const route = { httpRoute: { enabled: true, hostnames: ["a.example"], parentRefs: [{ name: "g" }] } };
const probe = { httpGet: { path: "/x", port: 8080 } };
const resources = { limits: { memory: "77Mi" } };
const supervised = { app: { command: ["node"] } };
const front = { ...supervised, front: { enabled: true } };
const swap = { ...front, restart: { swap: { enabled: true } } };
const two = { a: { ...app, command: ["a"] }, b: { ...app, command: ["b"], ports: [{ containerPort: 9090 }] } };
const onSave = { ...supervised, restart: { onSave: true } };

/** Another value for each; what else must be set, before and after, for it to matter; what is there before, where that differs. */
const changes: Readonly<Record<string, readonly [value: unknown, also?: object, before?: object]>> = {
  mode: ["standalone", noApp, base],
  fullnameOverride: ["other"],
  "app.name": ["cart"],
  "app.image": ["registry.example/cart:2"],
  "app.imagePullPolicy": ["Always"],
  "app.sourcePath": ["/srv"],
  "app.command": [["node"]],
  "app.args": [["--x"]],
  "app.workingDir": ["/x"],
  "app.ports": [[{ containerPort: 9090 }]],
  "app.env": [[{ name: "A", value: "b" }]],
  "app.envFrom": [[{ configMapRef: { name: "c" } }]],
  "app.resources": [resources],
  "app.readinessProbe": [probe],
  "app.startupProbe": [probe],
  "app.lifecycle": [{ preStop: { sleep: { seconds: 1 } } }],
  "app.volumeMounts": [[{ name: "v", mountPath: "/v" }]],
  "app.securityContext": [{ runAsUser: 4242 }],
  apps: [{ web: app }, noApp, base],
  "restart.process": [false, supervised],
  "restart.onCrash": ["exit", supervised],
  "restart.maxContainerRestartPeriod": ["10s"],
  "restart.swap.enabled": [true, front],
  "restart.swap.ports": [[9001, 9002], swap],
  "restart.swap.env": ["LISTEN", swap],
  "restart.onSave": [true, supervised],
  "restart.build": ["make"],
  "restart.buildTimeoutSeconds": [7, { restart: { build: "make" } }],
  "restart.include": [["src/**"], onSave],
  "restart.ignore": [["logs/**"], onSave],
  "restart.polling": [true, onSave],
  "restart.boosters.node": [true, supervised],
  "restart.boosters.python": [true, supervised],
  "restart.boosters.java": [true, supervised],
  "restart.boosters.sizeLimit": ["2Gi", { ...supervised, restart: { boosters: { python: true } } }],
  "restart.probe.failureThreshold": [3],
  "restart.probe.port": [7979],
  "restart.probe.resources": [resources],
  "front.enabled": [true, supervised],
  "front.app": ["b", { ...noApp, apps: two, front: { enabled: true } }],
  "front.port": [7070, front],
  "front.protocol": ["tcp", front],
  "front.image": ["x:1", front],
  "front.imagePullPolicy": ["Never", front],
  "front.drainSeconds": [1, front],
  "front.waiting.requests": [10, front],
  "front.waiting.bytes": [100000, front],
  "front.waiting.seconds": [5, front],
  "front.resources": [resources, front],
  "ide.image": ["x:1"],
  "ide.imagePullPolicy": ["Never"],
  "ide.runAsUser": [65532],
  "ide.resources": [resources],
  "ide.toolchains": [[{ image: "go:1", path: "/usr/local/go" }]],
  "ide.extraArgs": [["--locale=de"]],
  "ide.persistence.size": ["1Gi"],
  "ide.persistence.storageClassName": ["fast", sized],
  "ide.persistence.existingClaim": ["home"],
  "helper.image": ["x:1"],
  "helper.imagePullPolicy": ["Never"],
  "helper.port": [7070],
  "helper.resources": [resources],
  "kit.image": ["x:1"],
  "kit.imagePullPolicy": ["Never"],
  "kit.resources": [resources],
  "source.from": ["git", git, base],
  "source.size": ["1Gi"],
  "source.storageClassName": ["fast", sized],
  "source.claim": ["c", { source: { from: "claim", claim: "b" } }],
  "source.git.url": ["https://git.example/other", git],
  "source.git.ref": ["main", git],
  "source.git.depth": [1, git],
  "source.git.credentialsSecret": ["s", git],
  "auth.mode": ["none"],
  "auth.existingSecret": ["s"],
  "auth.secretKeys.password": ["p"],
  "auth.origins": [["https://a.example"]],
  "auth.proxy.trusted": [["10.0.0.0/8"], { auth: { mode: "proxy", proxy: { trusted: ["::1"] } } }],
  "rbac.restartWithoutBackoff": [true],
  "service.type": ["NodePort"],
  "service.port": [80],
  "service.annotations": [{ a: "b" }],
  "appService.type": ["NodePort"],
  "appService.annotations": [{ a: "b" }],
  "ingress.enabled": [true, { ingress: { host: "a.example" } }],
  "ingress.className": ["nginx", ingress],
  "ingress.annotations": [{ a: "b" }, ingress],
  "ingress.host": ["b.example", ingress],
  "ingress.path": ["/x", ingress],
  "ingress.tls": [[{ secretName: "t" }], ingress],
  "httpRoute.enabled": [true, { httpRoute: { hostnames: ["a.example"], parentRefs: [{ name: "g" }] } }],
  "httpRoute.annotations": [{ a: "b" }, route],
  "httpRoute.parentRefs": [[{ name: "h" }], route],
  "httpRoute.hostnames": [["b.example"], route],
  "httpRoute.path": ["/x", route],
  "podSecurityContext.fsGroup": [3000],
  terminationGracePeriodSeconds: [30],
  extraEnv: [[{ name: "A", value: "b" }]],
  extraVolumes: [[{ name: "v", emptyDir: {} }]],
  extraVolumeMounts: [[{ name: "v", mountPath: "/v" }]],
  extraObjects: [[{ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } }]],
  podAnnotations: [{ a: "b" }],
  podLabels: [{ a: "b" }],
  nodeSelector: [{ a: "b" }],
  tolerations: [[{ operator: "Exists" }]],
  affinity: [{ podAffinity: {} }],
  priorityClassName: ["p"],
  runtimeClassName: ["r"],
  imagePullSecrets: [[{ name: "s" }]],
};

test("every value of values.yaml is tried below", () => {
  assert.deepEqual(Object.keys(changes).sort(), docs.map(({ path }) => path.join(".")).sort());
});

test("no value does nothing: each, changed, changes what is rendered", async () => {
  const pairs = Object.entries(changes).map(([name, [value, also = {}, before]]) => {
    const without = mergeValues(base, also);
    return { name, before: before ?? without, after: mergeValues(without, valueAt(name.split("."), value)) };
  });
  const texts = await renderMany(pairs.flatMap(({ before, after }) => [before, after]));
  const dead = pairs.filter((_, index) => texts[2 * index] === texts[2 * index + 1]).map(({ name }) => name);
  assert.deepEqual(dead, []);
});
