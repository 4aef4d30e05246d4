import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigError, parseConfig } from "./config.ts";

const base = { INPOD_SOURCE_PATH: "/src" };

test("nothing but the source is needed: then nothing is watched and nothing built", () => {
  const config = parseConfig(base);
  assert.equal(config.onSave, false);
  assert.equal(config.build, undefined);
  assert.equal(config.root, "/src");
});

test("a build is a line for the shell, or a list; a line that begins like one is a line", () => {
  const build = (text: string) => parseConfig({ ...base, INPOD_RESTART_BUILD: text }).build;
  assert.equal(build("make -s"), "make -s");
  assert.deepEqual(build('["go", "build", "."]'), ["go", "build", "."]);
  assert.equal(build("[ -f x ] && make"), "[ -f x ] && make");
  assert.equal(build(""), undefined, "an empty variable is an absent one");
});

test("everything that is wrong is said at once, with the value", () => {
  const wrong = {
    INPOD_SOURCE_PATH: "src",
    INPOD_RESTART_ON_SAVE: "yes",
    INPOD_RESTART_INCLUDE: "src/**",
    INPOD_RESTART_BUILD_TIMEOUT: "0",
    INPOD_RESTART_BUILD: "[]",
  };
  assert.throws(
    () => parseConfig(wrong),
    (error: unknown) => {
      assert.ok(error instanceof ConfigError);
      for (const [name, value] of Object.entries(wrong))
        if (value !== "[]") assert.ok(error.message.includes(`${name} is "${value}"`), `${name}: ${error.message}`);
      assert.match(error.message, /JSON array of globs/);
      return true;
    },
  );
  assert.throws(() => parseConfig({ ...base, INPOD_RESTART_ON_SAVE: "true" }), /INPOD_RESTART_APPS is missing/);
  assert.throws(() => parseConfig({}), /INPOD_SOURCE_PATH is missing/);
});
