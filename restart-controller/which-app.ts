import type { Refusal } from "./index.ts";

/**
 * Which app is meant. Unnamed it is the only one, or the only one that runs the source; so it is by the word "app" where none has that
 * name: `restart app` is what people type.
 */
export function whichApp(
  apps: readonly { readonly name: string; readonly sourcePath?: string }[],
  asked: string | undefined,
): { readonly app: string } | Refusal {
  if (asked !== undefined && apps.some(({ name }) => name === asked)) return { app: asked };
  const names = apps.map(({ name }) => name).join(", ");
  if (apps.length === 0) {
    return {
      refused: {
        code: "INPOD_APP_NONE",
        title: "this workspace has no app beside it (mode: standalone), so there's nothing to restart",
        fix: "install with mode: sidecar, or start the program in the terminal",
      },
    };
  }
  if (asked !== undefined && asked !== "app") {
    const title = `there is no app "${asked}" here`;
    return { refused: { code: "INPOD_APP_UNKNOWN", title, fix: `name one of: ${names}` } };
  }
  const [first, ...others] = apps.length === 1 ? apps : apps.filter(({ sourcePath }) => sourcePath !== undefined);
  if (first !== undefined && others.length === 0) return { app: first.name };
  const title =
    first === undefined
      ? "several apps run here, none of them from the source, and none was named"
      : `several apps run the source (${[first, ...others].map(({ name }) => name).join(", ")}) and none was named`;
  return { refused: { code: "INPOD_APP_AMBIGUOUS", title, fix: `name one of: ${names}` } };
}
