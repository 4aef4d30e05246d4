import assert from "node:assert/strict";
import { test } from "node:test";
import { aliasOf } from "./image-reference.ts";

const digest = `@sha256:${"0123456789abcdef".repeat(4)}`;

test("another tag before the same digest, whatever stood there", () => {
  for (const repository of ["app", "shop/app", "registry.example:5000/team/shop/app"]) {
    for (const tag of ["", ":1.2.3", ":rabc"]) {
      assert.equal(aliasOf(`${repository}${tag}${digest}`, 1_800_000_000_123.4), `${repository}:rmywpiwzf${digest}`);
    }
  }
});

test("no two moments give the same string", () => {
  const images = new Set(Array.from({ length: 100 }, (_, i) => aliasOf(`app${digest}`, 1_800_000_000_000 + i)));
  assert.equal(images.size, 100);
});

test("an image that isn't given by its digest has none", () => {
  for (const image of ["app", "app:1.2", "app:latest@sha256:short", digest, "", `a b${digest}`]) {
    assert.equal(aliasOf(image, 1), null, image);
  }
});
