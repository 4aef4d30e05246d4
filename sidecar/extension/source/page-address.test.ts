import assert from "node:assert/strict";
import { test } from "node:test";
import { pageAddress } from "./page-address.ts";

const route =
  "stable-0123456789abcdef/static/out/vs/code/browser/workbench/callback.html?vscode-reqid=1&vscode-scheme=code-oss";

test("the page is at the IDE's own origin", () => {
  assert.equal(pageAddress(`http://localhost:7777/${route}`), "http://localhost:7777/-/");
  assert.equal(pageAddress(`https://cart.dev.example/callback?vscode-reqid=1`), "https://cart.dev.example/-/");
});

test("below a path prefix it is below the same", () => {
  assert.equal(pageAddress(`https://dev.example/ws/cart/${route}`), "https://dev.example/ws/cart/-/");
});
