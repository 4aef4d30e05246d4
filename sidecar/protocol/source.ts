/** What the source agent, the program beside the source, tells the helper and the helper everybody. */
export interface SourceReport {
  readonly onSave: boolean;
  /** On save is paused: `restart app --hold`. */
  readonly held: boolean;
  /** How it learns of changes; null when nothing is watched. */
  readonly watching: "events" | "polling" | null;
  /** A build runs before each requested restart. */
  readonly builds: boolean;
  /** The source is a git repository, so that restarts are remembered. */
  readonly git: boolean;
  /** Something a person should know, with its fix. */
  readonly note?: string;
}

/** One place that a compiler complains about. */
export interface Problem {
  /** As the compiler wrote it: relative to the source path, or absolute. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1; absent where the compiler names the line only. */
  readonly column?: number;
  readonly severity: "error" | "warning";
  readonly message: string;
}

/** One run of `restart.build`. */
export interface BuildReport {
  /** Absent while it runs. */
  readonly ok?: boolean;
  /** Milliseconds. */
  readonly took?: number;
  /** Why it failed, in one sentence. */
  readonly why?: string;
  readonly problems?: readonly Problem[];
  /** Last lines of its output, when it failed. */
  readonly log?: readonly string[];
}

/** The snapshot of the source that a restart ran: `refs/inpod/restarts/N`. */
export interface Ran {
  readonly n: number;
  readonly commit: string;
  /** Against the restart before it. */
  readonly files: number;
  readonly insertions: number;
  readonly deletions: number;
  /** For `--to N`: which one was brought back, and where the files as they were before are. */
  readonly to?: number;
  readonly undo?: number;
}
