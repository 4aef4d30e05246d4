import type { Part, PartReport } from "../cluster/requirements.ts";
import type { Options, PartName } from "./options.ts";

/** What the machine must have for a part, in the harness's words; on a cluster of the user's no more than a browser. */
export function needsOf(part: PartName, options: Pick<Options, "context">): readonly Part[] {
  switch (part) {
    case "check":
      return [];
    case "unit":
      return ["kit"];
    case "chart":
      return ["chart"];
    case "browser":
      return ["browser"];
    case "cluster":
      return options.context === undefined ? ["cluster", "images", "browser", "chart"] : ["images", "browser", "chart"];
  }
}

export interface Plan {
  readonly run: readonly PartName[];
  /** Why a part can't run here. */
  readonly cannot: readonly { readonly part: PartName; readonly why: string }[];
  /** Reports of what the parts that run need. */
  readonly needs: readonly PartReport[];
}

export function makePlan(options: Options, reports: readonly PartReport[]): Plan {
  const run: PartName[] = [];
  const cannot: { part: PartName; why: string }[] = [];
  for (const part of options.only) {
    const lacking = reports.filter(
      ({ part: need, reason }) => needsOf(part, options).includes(need) && reason !== undefined,
    );
    if (lacking.length === 0) run.push(part);
    else cannot.push({ part, why: [...new Set(lacking.map(({ reason }) => reason))].join("; ") });
  }
  const needed = new Set(run.flatMap((part) => needsOf(part, options)));
  return { run, cannot, needs: reports.filter(({ part }) => needed.has(part)) };
}

/** What is said before anything happens: what will run, what will be installed, what can't run here and why. */
export function announce(plan: Plan, extra: readonly string[]): string[] {
  const packages = [...new Set(plan.needs.flatMap((need) => need.packages))];
  const builds = new Map(plan.needs.flatMap((need) => need.builds).map((build) => [build.name, build.minutes]));
  const minutes = [...builds.values()].reduce((sum, each) => sum + each, 0);
  const lines = [`will run: ${plan.run.join(", ") || "nothing"}`];
  if (packages.length > 0) lines.push(`will install (apt-get): ${packages.join(" ")}`);
  if (builds.size > 0) {
    lines.push(
      `will build into the cache, once, while the first tests run: ${[...builds.keys()].join(", ")} (about ${minutes} min on 2 cores)`,
    );
  }
  for (const line of extra) lines.push(`will install: ${line}`);
  if (packages.length === 0 && builds.size === 0 && extra.length === 0) lines.push("nothing has to be installed");
  for (const { part, why } of plan.cannot) lines.push(`can't run here: ${part}: ${why}`);
  return lines;
}
