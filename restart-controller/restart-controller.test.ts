import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { createRestartController } from "./index.ts";
import type { RestartController, RestartRecord } from "./index.ts";
import { fromSaved } from "./saved.ts";

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

/** A pod in miniature: a real listening app and a responder that consumes the file and restarts the app. */
async function miniaturePod(t: TestContext, { responder = true, listening = true } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "inpod-controller-"));
  const liveness = join(folder, "liveness");
  const stateFile = join(folder, "controller.json");
  await writeFile(liveness, "");
  let server: Server | undefined;
  let port = 0;
  let restarts = 0;
  const start = async () => {
    server = createServer().listen(port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert.ok(typeof address === "object" && address !== null);
    port = address.port;
  };
  const stop = async () => {
    const old = server;
    server = undefined;
    if (old !== undefined) await new Promise((resolve) => old.close(resolve));
  };
  await start();
  if (!listening) await stop();

  let closed = false;
  const probe = async () => {
    while (!closed) {
      await pause(50);
      if (existsSync(liveness) || closed) continue;
      await writeFile(liveness, "");
      await pause(60);
      restarts++;
      await stop();
      await pause(30);
      await start();
    }
  };
  const probing = responder ? probe() : Promise.resolve();

  const images: string[] = [];
  const imageAlias = {
    async change(_: string, from: string, to: string) {
      if (to.includes("@sha256:ff")) throw new Error("the API server answered 403");
      images.push(from, to);
      await stop();
      await start();
    },
  };
  const controllers: RestartController[] = [];
  const controller = async (image?: string, maxRestartPeriod = 300_000) => {
    const alias = { maxRestartPeriod, ...(image === undefined ? {} : { image, alias: true }) };
    const made = await createRestartController({
      apps: [{ name: "app", port, process: false, container: true, threshold: 2, ...alias }],
      imageAlias,
      filesOf: () => ({ liveness, control: join(folder, "control"), state: join(folder, "state.json") }),
      stateFile,
    });
    controllers.push(made);
    return made;
  };
  t.after(async () => {
    closed = true;
    await probing;
    for (const made of controllers) await made.close();
    await stop();
    await rm(folder, { recursive: true });
  });
  return { liveness, stateFile, controller, start, images, restarts: () => restarts };
}

async function ended(controller: RestartController, id: string, timeoutMs = 5000): Promise<RestartRecord> {
  const giveUp = Date.now() + timeoutMs;
  while (Date.now() < giveUp) {
    const record = controller.find(id);
    if (record?.outcome !== undefined) return record;
    await pause(10);
  }
  assert.fail(`restart ${id} did not end: ${JSON.stringify(controller.history())}`);
}

async function running(controller: RestartController) {
  while (controller.status()[0]?.phase !== "running") await pause(10);
}

async function accepted(asked: ReturnType<RestartController["request"]>) {
  const answer = await asked;
  assert.ok(!("refused" in answer), JSON.stringify(answer));
  return answer;
}

test("twenty requests, double ones among them: each one restart, or merged into one", async (t) => {
  const pod = await miniaturePod(t);
  const controller = await pod.controller();
  await running(controller);
  let expected = 0;
  for (let i = 0; i < 20; i++) {
    const answer = await accepted(controller.request({ app: "app" }));
    expected++;
    if (i % 3 === 0) assert.equal((await accepted(controller.request({}))).merged, answer.id);
    const record = await ended(controller, answer.id);
    assert.equal(record.outcome, "served");
    assert.ok((record.stopped ?? 0) <= (record.served ?? 0));
  }
  await pause(200);
  assert.equal(pod.restarts(), expected);
  assert.equal(controller.status()[0]?.restarts.container, expected);
});

test("from the third restart in a row on the image's tag is changed, each time to another one; a refusal is told", async (t) => {
  const pod = await miniaturePod(t);
  const image = `shop/app:1@sha256:${"ab".repeat(32)}`;
  const controller = await pod.controller(image);
  await running(controller);
  for (let i = 0; i < 5; i++) {
    const { id } = await accepted(controller.request({ how: "container" }));
    const record = await ended(controller, id);
    assert.equal(record.outcome, "served");
    assert.equal(record.image !== undefined, i >= 2, JSON.stringify(record));
  }
  assert.equal(pod.restarts(), 2);
  assert.equal(pod.images[0], image);
  assert.equal(new Set(pod.images).size, 4);
  assert.deepEqual([pod.images[2], pod.images[4]], [pod.images[1], pod.images[3]]);
  // Another string, another account: the next one by the file would wait 10 s, not 160.
  assert.ok((controller.status()[0]?.backoff.waitSeconds ?? 0) <= 10);

  await controller.close();
  await rm(pod.stateFile);
  const refused = await pod.controller(`shop/app:1@sha256:${"ff".repeat(32)}`);
  await running(refused);
  for (let i = 0; i < 2; i++) {
    await ended(refused, (await accepted(refused.request({}))).id);
  }
  const { id } = await accepted(refused.request({}));
  const record = await ended(refused, id);
  assert.match(record.note ?? "", /^the API server answered 403: the kubelet would wait 10 s/);
  assert.equal(pod.restarts(), 5);
});

test("who shows the status hears of a back-off's end, which is no event of its own", async (t) => {
  const pod = await miniaturePod(t);
  const controller = await pod.controller(undefined, 5000);
  await running(controller);
  for (let i = 0; i < 2; i++) await ended(controller, (await accepted(controller.request({}))).id);
  const [app] = controller.status();
  assert.ok((app?.backoff.waitSeconds ?? 0) > 0 && app?.backoff.until !== undefined, JSON.stringify(app));
  await new Promise<void>((resolve) => {
    const leave = controller.subscribe(() => {
      if (controller.status()[0]?.backoff.waitSeconds !== 0) return;
      leave();
      resolve();
    });
  });
});

test("rm liveness by hand is a restart of its own in the history", async (t) => {
  const pod = await miniaturePod(t);
  const controller = await pod.controller();
  await running(controller);
  await rm(pod.liveness);
  while (controller.history().at(-1)?.outcome === undefined) await pause(10);
  assert.equal(controller.history().at(-1)?.origin, "hand");
  assert.equal(pod.restarts(), 1);
});

test("a request whose probe never comes is withdrawn: the file is back and nothing restarts later", async (t) => {
  const pod = await miniaturePod(t, { responder: false });
  const controller = await pod.controller();
  await running(controller);
  const { id } = await accepted(controller.request({ timeoutMs: 300 }));
  const record = await ended(controller, id);
  assert.equal(record.outcome, "timeout");
  assert.ok(existsSync(pod.liveness));
  assert.equal(controller.status()[0]?.phase, "running");
});

test("an app that isn't up is waited for; the request is answered by one restart once it is", async (t) => {
  const pod = await miniaturePod(t, { listening: false });
  const controller = await pod.controller();
  const answer = await accepted(controller.request({}));
  assert.match(answer.note ?? "", /nothing listens on port/);
  await pause(200);
  assert.ok(existsSync(pod.liveness));
  await pod.start();
  assert.equal((await ended(controller, answer.id)).outcome, "served");
  assert.equal(pod.restarts(), 1);
});

test("a controller that dies in the middle leaves the restart to the next one; the same id is the same request", async (t) => {
  const pod = await miniaturePod(t);
  const first = await pod.controller();
  await running(first);
  await accepted(first.request({ id: "lost-answer" }));
  await first.close();
  const second = await pod.controller();
  await accepted(second.request({ id: "lost-answer" }));
  assert.equal((await ended(second, "lost-answer")).outcome, "served");
  await pause(200);
  assert.equal(pod.restarts(), 1);
});

test("what is on disk when a request was accepted already has its record: a kill right then loses nothing", async (t) => {
  const pod = await miniaturePod(t, { responder: false });
  const controller = await pod.controller();
  await running(controller);
  const { id } = await accepted(controller.request({}));
  const saved = fromSaved(JSON.parse(await readFile(pod.stateFile, "utf8")));
  assert.equal(saved.apps["app"]?.phase.kind, "armed");
  assert.deepEqual(
    saved.history.map((record) => record.id),
    [id],
  );
  assert.equal(controller.status()[0]?.current?.id, id);
});

test("names that don't fit are refused with the names there are, and nothing is changed", async (t) => {
  const pod = await miniaturePod(t);
  const controller = await pod.controller();
  const answer = await controller.request({ app: "ap" });
  assert.ok("refused" in answer);
  assert.equal(answer.refused.code, "INPOD_APP_UNKNOWN");
  assert.match(answer.refused.fix, /app/);
  assert.ok(existsSync(pod.liveness));
});

test("only the latest failures keep the app's last lines", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "inpod-controller-"));
  const controller = await createRestartController({
    apps: [{ name: "app", port: 1, process: true, container: false, threshold: 2 }],
    filesOf: () => ({
      liveness: join(folder, "l"),
      control: join(folder, "control"),
      state: join(folder, "state.json"),
    }),
    stateFile: join(folder, "controller.json"),
    lastLines: () => ["boom"],
  });
  t.after(async () => {
    await controller.close();
    await rm(folder, { recursive: true });
  });
  // No supervisor reads the control file: each of them is refused at once.
  for (let i = 0; i < 15; i++) await controller.request({ app: "app" });
  const history = controller.history();
  assert.equal(history.length, 15);
  assert.deepEqual(
    history.map(({ log }) => log?.[0]),
    [...Array(5).fill(undefined), ...Array(10).fill("boom")],
  );
});

test("a crash is told with what the app said last, also when its log is read later than its state", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "inpod-controller-"));
  const state = join(folder, "state.json");
  const supervisor = (phase: string) =>
    JSON.stringify({
      v: 1,
      generation: 1,
      pid: 7,
      phase,
      startedAt: "2026-01-01T00:00:00.000Z",
      lastExit: phase === "crashed" ? { code: 7, signal: null } : null,
    });
  await writeFile(join(folder, "l"), "");
  await writeFile(state, supervisor("running"));
  const lines: string[] = [];
  const controller = await createRestartController({
    apps: [{ name: "app", port: 1, process: true, container: false, threshold: 2 }],
    filesOf: () => ({ liveness: join(folder, "l"), control: join(folder, "control"), state }),
    stateFile: join(folder, "controller.json"),
    lastLines: () => lines,
    logRead: async () => {
      await pause(50);
      lines.push("Error: the reason");
    },
  });
  t.after(async () => {
    await controller.close();
    await rm(folder, { recursive: true });
  });
  while (controller.status()[0]?.pid !== 7) await pause(10);
  const told = new Promise<RestartRecord>((resolve) => {
    controller.subscribe((change) => {
      if (change.type === "restart") resolve(change.restart);
    });
  });
  await writeFile(`${state}.new`, supervisor("crashed"));
  await rename(`${state}.new`, state);
  const { outcome, exit, log } = await told;
  assert.deepEqual([outcome, exit, log], ["crashed", { code: 7, signal: null }, ["Error: the reason"]]);
});
