export { ensureCodeServer, type CodeServer } from "./ensure.ts";
export { ideFlags } from "./ide-flags.ts";
