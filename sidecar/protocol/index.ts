export type * from "./api.ts";
export { pathsIn, type Paths } from "./paths.ts";
export { giveUpAt } from "./patience.ts";
export { ExitCode } from "./exit-code.ts";
