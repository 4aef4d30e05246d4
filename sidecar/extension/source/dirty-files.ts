/** As much of the built-in git extension's repository state as counting needs. */
export interface RepositoryChanges {
  readonly mergeChanges: readonly Change[];
  readonly indexChanges: readonly Change[];
  readonly workingTreeChanges: readonly Change[];
  readonly untrackedChanges?: readonly Change[];
}

interface Change {
  readonly uri: { toString(): string };
}

/** Files changed but not committed; one that is staged and changed again counts once. */
export function countDirtyFiles(repositories: readonly RepositoryChanges[]): number {
  const files = new Set<string>();
  for (const { mergeChanges, indexChanges, workingTreeChanges, untrackedChanges } of repositories) {
    for (const changes of [mergeChanges, indexChanges, workingTreeChanges, untrackedChanges ?? []]) {
      for (const { uri } of changes) files.add(uri.toString());
    }
  }
  return files.size;
}

export interface DirtyReport {
  /** The count as it is now; told after a quiet moment, once. */
  counted(files: number): void;
  /** The helper has no count (any more): it, or the IDE, has started anew. */
  helperForgot(): void;
  close(): void;
}

/**
 * `tell` may fail: it is tried again, more slowly. A helper that has another count is left alone: a second window, on another
 * folder, may have told it, and the two would correct each other for ever.
 */
export function createDirtyReport(deps: {
  readonly tell: (files: number) => Promise<void>;
  readonly quietMs: number;
}): DirtyReport {
  let here: number | undefined;
  let told: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const tell = () => {
    timer = undefined;
    if (here === undefined || here === told) return;
    told = here;
    deps.tell(here).catch(() => {
      told = undefined;
      if (!closed) timer ??= setTimeout(tell, deps.quietMs * 10);
    });
  };
  return {
    counted(files) {
      if (files === here) return;
      here = files;
      clearTimeout(timer);
      timer = setTimeout(tell, deps.quietMs);
    },
    helperForgot() {
      told = undefined;
      // Not put off by each of its words.
      timer ??= setTimeout(tell, deps.quietMs);
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
