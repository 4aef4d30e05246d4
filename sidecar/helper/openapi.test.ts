import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { routes } from "./routes.ts";

interface Operation {
  readonly security: readonly object[];
  readonly "x-inpod-who": string;
  readonly "x-inpod-socket": boolean;
}

const document: { paths: Record<string, Record<string, Operation>>; components: { schemas: object } } = JSON.parse(
  await readFile(new URL("openapi.json", import.meta.url), "utf8"),
);

test("the API's description has every route, with who may call it, and nothing else", () => {
  const described = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path: path.replaceAll(/\{(\w+)\}/g, ":$1"),
      who: operation["x-inpod-who"],
      socket: operation["x-inpod-socket"],
    })),
  );
  const byText = (all: readonly object[]) => all.map((one) => JSON.stringify(one)).toSorted((a, b) => (a < b ? -1 : 1));
  const table = Object.values(routes).map(({ method, path, who, socket }) => ({ method, path, who, socket }));
  assert.deepEqual(byText(described), byText(table));
  for (const operations of Object.values(document.paths))
    for (const operation of Object.values(operations))
      assert.equal(operation.security.length > 0, operation["x-inpod-who"] === "session");
});

test("every reference of the description leads somewhere", () => {
  const names = new Set(Object.keys(document.components.schemas));
  for (const [, name = ""] of JSON.stringify(document).matchAll(/#\/components\/schemas\/(\w+)/g))
    assert.ok(names.has(name), name);
});
