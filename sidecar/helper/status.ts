import type { SourceReport, Status } from "../protocol/index.ts";
import type { Editors } from "./editors.ts";
import type { Gate } from "./source/gate.ts";
import type { IdeWatch } from "./watch/ide-watch.ts";

export interface StatusDeps {
  readonly version: string;
  readonly release: string;
  readonly mode: Status["mode"];
  readonly sourcePath: string | undefined;
  readonly sourceDurable: boolean | undefined;
  readonly controller: Pick<Gate, "status">;
  readonly ide: Pick<IdeWatch, "phase">;
  readonly editors: Pick<Editors, "windows">;
}

export interface StatusSource {
  now(): Status;
  /** What the extension has counted. */
  reportIde(report: { dirtyFiles: number }): void;
  /** What the source agent says of itself. */
  reportSource(report: SourceReport): void;
}

export function createStatus(deps: StatusDeps): StatusSource {
  let dirtyFiles: number | null = null;
  let agent: SourceReport | undefined;
  return {
    now() {
      const ide = { phase: deps.ide.phase(), windows: deps.editors.windows() };
      // What a killed IDE has said may no longer be so.
      if (ide.phase === "down") dirtyFiles = null;
      return {
        version: deps.version,
        release: deps.release,
        mode: deps.mode,
        app: deps.controller.status(),
        ide,
        source: {
          dirtyFiles,
          ...(deps.sourcePath === undefined ? {} : { path: deps.sourcePath }),
          ...(deps.sourceDurable === undefined ? {} : { durable: deps.sourceDurable }),
          ...(agent === undefined ? {} : { agent }),
        },
      };
    },
    reportIde(report) {
      dirtyFiles = report.dirtyFiles;
    },
    reportSource(report) {
      agent = report;
    },
  };
}
