import type { Profile } from "../cluster/cluster.ts";
import type { Stage } from "../stage.ts";
import type { Bench } from "./bench.ts";

/** One group of rows: the kubelet's settings that it is measured on, what it is about, and who measures it. */
type Part = { readonly about: string } & (
  | { readonly profile: Profile; readonly load: () => Promise<(stage: Stage, bench: Bench) => Promise<void>> }
  /** On this machine itself: a cluster has no part in it. */
  | { readonly profile: "none"; readonly load: () => Promise<(bench: Bench) => Promise<void>> }
);

/** In the order in which `restart` runs them all. */
export const parts = {
  container: {
    profile: "dev",
    about: "container restarts, port-closed times, the recipe inpod started from, a rollout",
    load: async () => (await import("./container.ts")).containerSuite,
  },
  process: {
    profile: "dev",
    about: "process restarts: by the supervisor alone, typed in the terminal, of an app that ignores SIGTERM",
    load: async () => (await import("./process.ts")).processSuite,
  },
  save: {
    profile: "dev",
    about: "save → served on 200 saves, beside nodemon, entr, watchexec and node --watch; a fix saved after a crash",
    load: async () => (await import("./save.ts")).saveSuite,
  },
  front: {
    profile: "dev",
    about: "requests that fail during 30 process restarts and 30 swaps behind the front, and what the front costs",
    load: async () => (await import("./front.ts")).frontSuite,
  },
  idle: {
    profile: "dev",
    about: "what a workspace costs when nobody does anything",
    load: async () => (await import("./idle.ts")).idleSuite,
  },
  alias: {
    profile: "default",
    about: "twelve container restarts in a row by the image's tag, on the kubelet's own back-off",
    load: async () => (await import("./alias.ts")).aliasSuite,
  },
  backoff: {
    profile: "default",
    about:
      "the kubelet's back-off, foretold and waited for, in ten pods at once; ten minutes. INPOD_RECORD=FILE keeps it",
    load: async () => (await import("./backoff.ts")).backoffSuite,
  },
  boosters: {
    profile: "none",
    about:
      "boots of a Node, a Python and a Java app with and without the chart's caches; alone it needs no cluster, no root",
    load: async () => (await import("./boosters.ts")).boostersSuite,
  },
} as const satisfies Record<string, Part>;

export type PartName = keyof typeof parts;

/** The parts of a suite: `restart` is all of them. Undefined for a name that there isn't. */
export function suiteOf(name: string): readonly PartName[] | undefined {
  const names = Object.keys(parts) as PartName[];
  if (name === "restart") return names;
  const found = names.find((part) => part === name);
  return found === undefined ? undefined : [found];
}
