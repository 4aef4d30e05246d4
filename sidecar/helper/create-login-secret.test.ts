import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { createLoginSecret } from "./create-login-secret.ts";

/** An API server with a certificate of its own, and a service account that trusts it. */
async function apiServer(t: TestContext, status: number, body: object = {}) {
  const folder = await mkdtemp(join(tmpdir(), "inpod-secret-"));
  const key = join(folder, "key.pem");
  const cert = join(folder, "ca.crt");
  const subject = ["-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1"];
  const pair = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert];
  await promisify(execFile)("openssl", ["req", "-x509", ...pair, "-days", "1", ...subject]);
  await writeFile(join(folder, "token"), "the-account-token\n");
  const seen: { method?: string; url?: string; authorization?: string; body: string }[] = [];
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, (request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const { method, url, headers } = request;
      seen.push({ method: method ?? "", url: url ?? "", authorization: headers.authorization ?? "", body: text });
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  });
  const said: string[] = [];
  const run = (env: Record<string, string> = {}) =>
    createLoginSecret(
      {
        INPOD_SECRET_NAME: "cart-login",
        INPOD_NAMESPACE: "shop",
        INPOD_SECRET_LABELS: `{"app.kubernetes.io/name":"inpod"}`,
        KUBERNETES_SERVICE_HOST: "127.0.0.1",
        KUBERNETES_SERVICE_PORT: String((server.address() as AddressInfo).port),
        ...env,
      },
      { say: (line) => said.push(line), account: folder },
    );
  return { folder, seen, said, run };
}

test("makes the Secret with a password that is easy to read out, and never says it", async (t) => {
  const api = await apiServer(t, 201);
  assert.equal(await api.run(), 0);
  assert.equal(await api.run(), 0);
  const [first, second] = api.seen;
  assert.equal(first?.method, "POST");
  assert.equal(first?.url, "/api/v1/namespaces/shop/secrets");
  assert.equal(first?.authorization, "Bearer the-account-token");
  const secret = JSON.parse(first?.body ?? "");
  assert.equal(secret.metadata.name, "cart-login");
  assert.deepEqual(secret.metadata.labels, { "app.kubernetes.io/name": "inpod" });
  assert.match(secret.stringData.password, /^[a-zA-Z2-9]{24}$/);
  assert.doesNotMatch(secret.stringData.password, /[0O1lI]/);
  assert.notEqual(secret.stringData.password, JSON.parse(second?.body ?? "").stringData.password);
  assert.ok(!api.said.join("\n").includes(secret.stringData.password));
  assert.match(api.said[0] ?? "", /Secret shop\/cart-login created/);
});

test("one that exists is kept, exit 0", async (t) => {
  const api = await apiServer(t, 409, { message: "already exists" });
  assert.equal(await api.run(), 0);
  assert.match(api.said.join("\n"), /kept/);
});

test("a refusal is the API server's own words and the fix, exit 1", async (t) => {
  const api = await apiServer(t, 403, { message: `secrets is forbidden: User "x" cannot create` });
  assert.equal(await api.run(), 1);
  assert.match(api.said.join("\n"), /403.*forbidden[\s\S]*needs the verb create on secrets/);
});

test("a server with another certificate, none at all, or wrong settings: a sentence", async (t) => {
  const api = await apiServer(t, 201);
  const other = await apiServer(t, 201);
  await copyFile(join(other.folder, "ca.crt"), join(api.folder, "ca.crt"));
  assert.equal(await api.run(), 1);
  assert.deepEqual(api.seen, []);
  assert.match(api.said.join("\n"), /certificate/);
  assert.equal(await api.run({ KUBERNETES_SERVICE_PORT: "1" }), 1);
  assert.equal(await api.run({ INPOD_NAMESPACE: "../x" }), 2);
  assert.equal(await api.run({ INPOD_SECRET_LABELS: "no json" }), 2);
  await rm(join(api.folder, "token"));
  assert.equal(await api.run(), 1);
});
