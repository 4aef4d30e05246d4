import type { Io } from "../../cli/io.ts";
import type { ApiClient } from "../../cli/api-client.ts";
import type { Handler } from "../api/call.ts";
import { checked, commandBody } from "../api/input.ts";
import { readBody } from "../body.ts";
import { HelperError } from "../errors.ts";
import type { OpenStreams } from "../open-streams.ts";

/** `inpod …` that is run here; whatever else there is stays a program of the IDE container. */
const verbs = new Set(["restart", "status", "restarts"]);

/**
 * `restart` and its like, run inside the helper for `kit ask`: the same program as in the terminal, without a Node to start. The
 * answer is made of pieces: `o 12` (stdout) or `e 5` (stderr) on a line of its own and as many bytes; `p 8080` has
 * `kit ask` name who holds a port beside it; `x 0`, the exit code, is the last.
 */
export function createCommandHandler(deps: {
  readonly home: string;
  readonly connect: (gone: AbortSignal) => ApiClient;
  readonly streams: OpenStreams;
}): Handler {
  return async ({ request, response, caller }) => {
    const { id, name, words, colour } = checked(commandBody, await readBody(request));
    const verb = name === "restart" ? "restart" : words[0];
    const help = words.some((word) => word === "--help" || word === "-h");
    if (verb === undefined || !verbs.has(verb) || help)
      throw new HelperError("INPOD_COMMAND_UNKNOWN", `${name} ${verb}`);

    const gone = new AbortController();
    const forget = deps.streams.add("command", caller.session?.key ?? "", () => response.destroy());
    if (forget === undefined) throw new HelperError("INPOD_STREAMS_FULL");
    // Ctrl-C closes the connection: the command stops waiting, the restart goes on.
    response.on("close", () => {
      forget();
      gone.abort();
    });
    // Loaded by the first command: the page needs none of it.
    const { run } = await import("../../cli/program.ts");
    response.writeHead(200, { "content-type": "application/vnd.inpod.command", "cache-control": "no-store" });
    const write = (kind: "o" | "e", text: string) => {
      if (text !== "") response.write(`${kind} ${Buffer.byteLength(text)}\n${text}`);
    };
    const io: Io = {
      env: { INPOD_HOME: deps.home },
      out: (text) => write("o", text),
      say: (text) => write("e", text),
      colour,
      // The kit's answer: it is the one beside the IDE's processes.
      nameOwners: (port) => void response.write(`p ${port}\n`),
      requestId: id,
      stop: gone.signal,
    };
    const code = await run(name, words, io, () => deps.connect(gone.signal));
    response.end(`x ${code}\n`);
  };
}
