import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { promisify } from "node:util";
import { createImageAlias } from "./image-alias.ts";

const digest = `@sha256:${"ab".repeat(32)}`;
const [from, to] = [`app:1${digest}`, `app:r2${digest}`];

interface Operation {
  readonly op: string;
  readonly path: string;
  readonly value: string;
}

/** The part of an API server that a JSON patch of one pod meets; `before` may answer in its place. */
async function apiServer(t: TestContext, before?: (call: number, answer: ServerResponse) => boolean) {
  const folder = await mkdtemp(join(tmpdir(), "inpod-alias-"));
  const [key, cert] = [join(folder, "key.pem"), join(folder, "ca.crt")];
  const subject = ["-subj", "/CN=api", "-addext", "subjectAltName=IP:127.0.0.1"];
  const pair = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out", cert];
  await promisify(execFile)("openssl", ["req", "-x509", ...pair, "-days", "1", ...subject]);
  await writeFile(join(folder, "token"), "first-token\n");

  const containers = [
    { name: "mesh", image: "mesh:1" },
    { name: "app", image: from },
  ];
  const seen: {
    method: string;
    url: string;
    authorization: string;
    type: string;
    operations: Operation[];
    status?: number;
  }[] = [];
  const handle = (request: IncomingMessage, answer: ServerResponse) => {
    let text = "";
    answer.on("finish", () => {
      const last = seen.at(-1);
      if (last !== undefined) last.status = answer.statusCode;
    });
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      const { method = "", url = "", headers } = request;
      const operations: Operation[] = JSON.parse(text);
      const type = headers["content-type"] ?? "";
      seen.push({ method, url, authorization: headers.authorization ?? "", type, operations });
      if (before?.(seen.length, answer)) return;
      const message = apply(operations);
      if (message !== undefined) return void answer.writeHead(422).end(JSON.stringify({ message }));
      answer.writeHead(200).end(JSON.stringify({ spec: { containers } }));
    });
  };
  const apply = (operations: readonly Operation[]): string | undefined => {
    for (const { op, path, value } of operations) {
      const [, index, field] = /^\/spec\/containers\/(\d+)\/(name|image)$/.exec(path) ?? [];
      const container = containers[Number(index)];
      assert.ok(container !== undefined && (field === "name" || field === "image"), path);
      // As the API server has it: nothing about a test.
      if (op === "test" && container[field] !== value)
        return "the server rejected our request due to an error in our request";
      if (op === "replace") container[field] = value;
    }
    return undefined;
  };
  const server = createServer({ key: await readFile(key), cert: await readFile(cert) }, handle);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.close();
    server.closeAllConnections();
    await rm(folder, { recursive: true });
  });
  const { port } = server.address() as AddressInfo;
  const settings = { host: "127.0.0.1", port, namespace: "shop", pod: "cart-0", account: folder };
  const alias = createImageAlias(settings);
  return {
    folder,
    seen,
    containers,
    settings,
    alias,
    changes: () => seen.filter(({ operations }) => operations.length > 0),
  };
}

test("changes that container's image by a patch that tests the old one, with the token that is there now", async (t) => {
  const api = await apiServer(t);
  await api.alias.change("app", from, to);
  assert.equal(api.containers[1]?.image, to);
  assert.equal(api.containers[0]?.image, "mesh:1");
  for (const { method, url, type, authorization } of api.seen) {
    assert.equal(`${method} ${url}`, "PATCH /api/v1/namespaces/shop/pods/cart-0?fieldManager=inpod");
    assert.equal(type, "application/json-patch+json");
    assert.equal(authorization, "Bearer first-token");
  }
  assert.deepEqual(
    api.changes()[0]?.operations.map(({ op }) => op),
    ["test", "test", "replace"],
  );
  await writeFile(join(api.folder, "token"), "second-token");
  await api.alias.change("app", to, `app:r3${digest}`);
  assert.equal(api.seen.at(-1)?.authorization, "Bearer second-token");
  assert.equal(api.seen.length, 3, "the container is looked for once");
});

test("done twice it is done once", async (t) => {
  const api = await apiServer(t);
  for (let i = 0; i < 2; i++) await api.alias.change("app", from, to);
  const later = createImageAlias(api.settings);
  await later.change("app", from, to);
  assert.equal(api.containers[1]?.image, to);
  assert.equal(api.changes().filter(({ status }) => status === 200).length, 1);
});

test("an answer that is lost is looked after, not patched over", async (t) => {
  const api = await apiServer(t, (call, answer) => {
    if (call !== 2) return false;
    api.containers[1] = { name: "app", image: to };
    answer.destroy();
    return true;
  });
  await api.alias.change("app", from, to);
  assert.equal(api.changes().length, 1);
});

test("a server that is away for a moment is asked again; one that stays away is told with its address", async (t) => {
  const api = await apiServer(t, (call, answer) => {
    if (call > 1) return false;
    answer.writeHead(503).end("{}");
    return true;
  });
  await api.alias.change("app", from, to);
  assert.equal(api.containers[1]?.image, to);
  const away = createImageAlias({ host: "127.0.0.1", port: 1, namespace: "shop", pod: "p", account: api.folder });
  await assert.rejects(away.change("app", from, to), /127\.0\.0\.1:1 could not be asked 3 times: .*ECONNREFUSED/);
});

test("a refusal is the API server's own words, and the pod is as it was", async (t) => {
  const message = `pods "cart-0" is forbidden: User "x" cannot patch`;
  const api = await apiServer(t, (_, answer) => {
    answer.writeHead(403).end(JSON.stringify({ message }));
    return true;
  });
  await assert.rejects(api.alias.change("app", from, to), /answered 403 to patching pod cart-0: .*forbidden/);
  assert.equal(api.seen.length, 1);
});

test("a policy's refusal is its own words, after the pod was looked at again", async (t) => {
  const message = `pods "cart-0" is forbidden: ValidatingAdmissionPolicy 'inpod-admin' denied request: only the tag`;
  const api = await apiServer(t, (call, answer) => {
    if (call % 2 === 1) return false;
    answer.writeHead(422).end(JSON.stringify({ message }));
    return true;
  });
  await assert.rejects(api.alias.change("app", from, to), /^Error: the API server answered 422 .*only the tag$/);
  assert.equal(api.containers[1]?.image, from);
});

test("a container with another image, or none of that name, is left alone", async (t) => {
  const api = await apiServer(t);
  await assert.rejects(
    api.alias.change("app", `other:1${digest}`, `other:r1${digest}`),
    /has image app:1@.*, not other/,
  );
  await assert.rejects(api.alias.change("app", from.replaceAll("ab", "cd"), to), /has image app:1@/);
  await assert.rejects(api.alias.change("web", from, to), /has image none/);
  assert.deepEqual(api.changes(), []);
  // Another tag of the same digest is the same image: an earlier helper's, whose memory is lost.
  await api.alias.change("app", `app:rold${digest}`, to);
  assert.equal(api.containers[1]?.image, to);
});

test("without the token there is a sentence", async (t) => {
  const api = await apiServer(t);
  await rm(join(api.folder, "token"));
  await assert.rejects(api.alias.change("app", from, to), /token/);
  assert.deepEqual(api.seen, []);
});
