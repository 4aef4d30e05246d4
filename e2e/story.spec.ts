import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchChromium } from "./browser.ts";
import { idePage, logIn } from "./ide-page.ts";
import { portForward } from "./port-forward.ts";
import { screenshotFolder } from "./screenshots.ts";
import { exampleValues, openStage, type Stage } from "./stage.ts";
import { until } from "./wait.ts";
import { installWorkspace } from "./workspace.ts";

// The founding promise, as a person lives it: install, log in, edit, `restart app`, and the same pod serves the change.

const stories = [
  {
    example: "node",
    file: "server.js",
    from: "Hello from the pod",
    to: "Hello from the same pod",
    command: "restart app",
  },
  {
    example: "go-scratch",
    file: "main.go",
    from: "Hello from a scratch image",
    to: "Hello from the same scratch image",
    command: "restart app",
  },
] as const;

let stage: Stage;
before(async () => {
  stage = await openStage("default");
});
after(() => stage?.close());

for (const story of stories) {
  test(
    `${story.example}: edit in the browser, restart app, the same pod serves the change`,
    { timeout: 600_000 },
    async (t) => {
      const { cluster } = stage;
      const workspace = await installWorkspace(cluster, {
        release: `story-${story.example}`,
        valuesFiles: [exampleValues(story.example)],
        values: stage.valuesFor(story.example, { restart: { process: false } }),
        readySeconds: 180,
      });
      t.after(() => workspace.uninstall());
      const app = await workspace.url();
      const answer = async () => (await fetch(app)).text();
      await until("the app is served", async () => (await answer()).includes(story.from));
      const before = await workspace.facts();
      const container = await cluster.kubectl([
        "-n",
        workspace.namespace,
        "get",
        "pod",
        workspace.pod,
        "-o",
        "jsonpath={.spec.containers[?(@.name=='app')].securityContext}",
      ]);
      if (story.example === "go-scratch") {
        assert.deepEqual(JSON.parse(await (await fetch(`${app}/whoami`)).text()).uid, 65532);
        assert.match(container, /"readOnlyRootFilesystem":true/);
      }

      const forward = await portForward(cluster, workspace.namespace, `service/${workspace.release}-ide`, 7777);
      t.after(() => forward.close());
      let told = false;
      const browser = await launchChromium();
      const page = await browser.newPage({ viewport: { width: 1400, height: 860 } });
      t.after(async () => {
        if (!told) await page.screenshot({ path: `${await screenshotFolder()}/story-${story.example}-failed.png` });
        await browser.close();
      });
      await logIn(page, forward.origin, stage.secretPassword);
      const ide = idePage(page);
      await ide.ready();
      const session = (await page.context().cookies()).map((cookie) => `${cookie.name}=${cookie.value}`).join();

      await ide.openFile(story.file);
      await ide.replaceAndSave(story.from, story.to);
      assert.ok((await answer()).includes(story.from), "the change must not be served before the restart");
      // The exit code is what the command says it is, so the shell writes it down.
      await ide.typeInTerminal(`${story.command}; echo $? > /tmp/exit-code`);
      const code = await until(
        "the command has returned",
        async () => {
          const { code, stdout } = await workspace.exec("ide", ["cat", "/tmp/exit-code"]);
          return code === 0 && stdout.trim();
        },
        { seconds: 300 },
      );
      assert.equal(code, "0");
      assert.ok((await answer()).includes(story.to), "the change is served when the command has returned");
      await page.screenshot({ path: `${await screenshotFolder()}/story-${story.example}.png` });

      // What the kubelet did reaches the API server a moment later.
      await until(
        "the restart is counted",
        async () => (await workspace.facts()).restarts["app"] !== before.restarts["app"],
      );
      const after = await workspace.facts();
      assert.equal(after.uid, before.uid);
      assert.equal(after.ip, before.ip);
      assert.deepEqual(after.restarts, { ...before.restarts, app: (before.restarts["app"] ?? 0) + 1 });
      assert.equal((await page.context().cookies()).map((cookie) => `${cookie.name}=${cookie.value}`).join(), session);
      await page.reload();
      await ide.ready();

      await page.goto(`${forward.origin}/-/`);
      await page
        .getByText(/served/i)
        .first()
        .waitFor({ timeout: 20_000 });
      await page.screenshot({ path: `${await screenshotFolder()}/page-${story.example}.png` });
      told = true;
    },
  );
}
