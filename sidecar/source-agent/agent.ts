import { existsSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { pathsIn, type SourceReport } from "../protocol/index.ts";
import { createAgentApi } from "./api.ts";
import type { Config } from "./config.ts";
import { createGit } from "./git/git.ts";
import { createSnapshots } from "./git/snapshots.ts";
import { createHelperLink } from "./helper-link.ts";
import { findMissed } from "./on-save/missed.ts";
import { createOnSave } from "./on-save/on-save.ts";
import { createWanted } from "./on-save/wanted.ts";
import { type SourceWatch, watchSource } from "./on-save/watch-source.ts";
import { createPreparer } from "./prepare.ts";

export interface SourceAgent {
  /** Ends what runs and lets go of the socket; idempotent. */
  close(): Promise<void>;
}

/** Starts the whole agent: what must happen where the source, git and the compilers are. */
export async function startSourceAgent(deps: {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly say: (sentence: string) => void;
}): Promise<SourceAgent> {
  const { config, env } = deps;
  const paths = pathsIn(config.home);
  const builds = config.build !== undefined;
  let note: string | undefined;
  let watching: SourceWatch | undefined;

  const snapshots = createSnapshots({
    root: config.root,
    git: createGit(config.root, env),
    temporary: config.temporary,
  });
  const preparer = createPreparer({
    root: config.root,
    command: config.build,
    timeoutMs: config.buildTimeoutMs,
    env,
    snapshots,
  });
  const report = (): SourceReport => ({
    onSave: config.onSave,
    held: onSave?.held() ?? false,
    watching: watching?.how() ?? null,
    builds,
    git: snapshots.available(),
    ...(note === undefined ? {} : { note }),
  });
  const link = createHelperLink({ socketPath: paths.apiSocket, reportNow: report });
  const say = (sentence: string) => {
    deps.say(sentence);
    note = sentence;
    link.report();
  };
  const onSave = config.onSave
    ? createOnSave({
        root: config.root,
        apps: config.apps,
        builds,
        held: existsSync(paths.saveHeld),
        link,
        buildBegan: (id) => preparer.buildBegan(id),
        say,
      })
    : undefined;
  const hold = async (held: boolean) => {
    await (held ? writeFile(paths.saveHeld, "") : rm(paths.saveHeld, { force: true }));
    onSave?.hold(held);
    link.report();
  };
  const api = createAgentApi({
    path: paths.sourceSocket,
    preparer,
    snapshots,
    report,
    hold: onSave === undefined ? undefined : hold,
  });
  await api.listen();
  if (onSave !== undefined) {
    const wanted = createWanted({ include: config.include, ignore: config.ignore, builds });
    watching = await watchSource({
      root: config.root,
      wanted,
      polling: config.polling,
      onChange: (path) => onSave.changed(path),
      say,
    });
    link.report();
    const missed = await findMissed(
      config.root,
      wanted,
      config.apps.map((app) => paths.state(app)),
    );
    if (missed !== undefined) onSave.changed(missed);
  }

  let closing: Promise<void> | undefined;
  const close = async () => {
    watching?.close();
    onSave?.close();
    link.close();
    await api.close();
  };
  return { close: () => (closing ??= close()) };
}
