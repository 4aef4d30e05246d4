import assert from "node:assert/strict";
import { test } from "node:test";
import { explainNpmFailure, npmErrorLines } from "./npm-failure.mjs";

const offline = `npm warn Unknown user config "x"
npm error code EAI_AGAIN
npm error request to https://registry.example/code-server failed, reason: getaddrinfo EAI_AGAIN registry.example
npm error A complete log of this run can be found in: /home/ann/.npm/_logs/1-debug-0.log`;

const cases: readonly [string, string, string | undefined][] = [
  ["no network", offline, "INPOD_NETWORK_DOWN"],
  ["nobody listens at the registry", "npm ERR! code ECONNREFUSED", "INPOD_NETWORK_DOWN"],
  ["a full disk", "npm error code ENOSPC\nnpm error nospc ENOSPC: no space left on device, write", "INPOD_DISK_FULL"],
  [
    "a full disk while downloading over a bad line",
    "npm warn tar TAR_ENTRY_ERROR ENOSPC: no space left on device\nnpm error ECONNRESET",
    "INPOD_DISK_FULL",
  ],
  ["a private certificate", "npm error code SELF_SIGNED_CERT_IN_CHAIN", "INPOD_NETWORK_CERTIFICATE"],
  ["a registry that wants a login", "npm error code E401", "INPOD_REGISTRY_REFUSED"],
  ["a read-only folder", "npm error code EACCES\nnpm error syscall mkdir", "INPOD_FOLDER_READONLY"],
  ["anything else", "npm error code E404\nnpm error 404 Not Found", undefined],
];

for (const [what, output, code] of cases) {
  test(`${what} is ${code ?? "left to npm's own words"}`, () => {
    const found = explainNpmFailure(output);
    assert.equal(found?.code, code);
    if (found !== undefined) assert.ok(found.title.length > 10 && found.fix.length > 20);
  });
}

test("of npm's output its error lines are shown, without the paths of its logs", () => {
  assert.equal(
    npmErrorLines(offline),
    "npm error code EAI_AGAIN\nnpm error request to https://registry.example/code-server failed, reason: getaddrinfo EAI_AGAIN registry.example",
  );
  assert.equal(npmErrorLines("one\ntwo\nthree", 2), "two\nthree");
});
