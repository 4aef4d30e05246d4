import { fileURLToPath } from "node:url";
import { runChecks } from "./runner/checks.ts";
import { lastLine } from "./runner/tally.ts";

// `npm run check`: the first part of `npm test` alone.
const root = fileURLToPath(new URL("..", import.meta.url));
const tally = await runChecks(root, process.env, (text) => console.log(text));
console.log(lastLine(tally));
process.exitCode = tally.failed > 0 ? 1 : 0;
