/** What is held open for somebody: upgraded connections, event streams, downloads under way. */
export interface OpenStreams {
  /** Notes it; undefined when too many of the kind are open. The returned function forgets it. */
  add(kind: StreamKind, key: string, end: () => void): (() => void) | undefined;
  /** Ends everything of a session. */
  endAll(key?: string): void;
}

export type StreamKind = keyof typeof most;

/** VS Code opens two upgrades a tab and one per forwarded terminal connection; a page has one event stream. */
const most = { upgrade: 200, events: 50, request: 500, wait: 200, command: 50 } as const;

export function createOpenStreams(): OpenStreams {
  const open = new Map<StreamKind, Set<{ key: string; end: () => void }>>();
  return {
    add(kind, key, end) {
      const all = open.get(kind) ?? new Set();
      open.set(kind, all);
      if (all.size >= most[kind]) return undefined;
      const one = { key, end };
      all.add(one);
      return () => void all.delete(one);
    },
    endAll(key) {
      for (const all of open.values()) {
        for (const one of all) {
          if (key !== undefined && one.key !== key) continue;
          all.delete(one);
          one.end();
        }
      }
    },
  };
}
