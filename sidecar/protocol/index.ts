export type * from "./api.ts";
export type * from "./source.ts";
export { pathsIn, type Paths } from "./paths.ts";
export { giveUpAt } from "./patience.ts";
export { ExitCode } from "./exit-code.ts";
