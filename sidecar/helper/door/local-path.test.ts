import assert from "node:assert/strict";
import { test } from "node:test";
import { localPath } from "./local-path.ts";

test("a path on this host is kept, with its query", () => {
  for (const to of ["/", "/-/", "/?folder=/workspace", "/-/?a=https://x.example", "/a/b#c"]) {
    assert.equal(localPath(to, ""), to);
  }
  assert.equal(localPath("/team/x?y", "/team"), "/team/x?y");
});

test("whatever a browser could read as another host goes to the start instead", () => {
  const tricks = [
    "//evil.example",
    "/\\evil.example",
    "\\/evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/\t/evil.example",
    "/\n/evil.example",
    "/ /evil",
    "evil.example",
    "/..//evil.example",
    "/.//evil.example",
    "///evil.example",
    "/%0d%0aSet-Cookie:x",
    "",
    `/${"a".repeat(3000)}`,
    "/ä",
    undefined,
    7,
    "/-/login?to=/-/login",
    "/-/logout",
  ];
  for (const to of tricks.filter((one) => one !== "/%0d%0aSet-Cookie:x"))
    assert.equal(localPath(to, ""), "/", String(to));
  // Encoded line ends stay encoded in a Location header.
  assert.equal(localPath("/%0d%0aSet-Cookie:x", ""), "/%0d%0aSet-Cookie:x");
});

test("below a base path nothing outside of it is reached", () => {
  for (const to of ["/", "/other/", "/teammate/", "/team/../other/", "//team/"])
    assert.equal(localPath(to, "/team"), "/team/");
});
