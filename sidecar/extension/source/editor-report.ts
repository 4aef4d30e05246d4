import type { EditorsReport } from "../../protocol/api.ts";

type Count = Pick<EditorsReport, "unsaved" | "untitled">;

export interface EditorReport {
  /** Something about the editors may have changed. */
  changed(): void;
  /** The helper, or the way to it, has started anew. */
  helperForgot(): void;
  /** The helper is about to restart the app: save, then answer with this id. */
  askedToSave(id: string): void;
}

/**
 * Tells the helper of unsaved editors as their number changes, so that a restart waits for a save only where there is one to wait
 * for. One report at a time, the latest counts; one that the helper doesn't take is made up for at the next connection.
 */
export function createEditorReport(deps: {
  readonly count: () => Count;
  /** Saves what has a file. */
  readonly save: () => Promise<unknown>;
  readonly tell: (report: Omit<EditorsReport, "window">) => Promise<void>;
}): EditorReport {
  let told: Count = { unsaved: 0, untitled: 0 };
  let queue = Promise.resolve();

  const report = (always: boolean, saved?: string) => {
    queue = queue.then(async () => {
      const now = deps.count();
      if (!always && now.unsaved === told.unsaved && now.untitled === told.untitled) return;
      told = now;
      await deps.tell({ ...now, ...(saved === undefined ? {} : { saved }) }).catch(() => {});
    });
  };

  return {
    changed: () => report(false),
    helperForgot: () => report(true),
    askedToSave(id) {
      // What can't be saved is in the count.
      void deps
        .save()
        .catch(() => {})
        .finally(() => report(true, id));
    },
  };
}
