import { Agent, request } from "node:http";
import * as v from "valibot";
import type { ApiError, BuildReport, Ran, SourceReport } from "../../protocol/index.ts";

/** The agent runs as the IDE's user: what it answers is checked like any stranger's words. */
const largestAnswer = 2 * 1024 * 1024;
const quickAnswer = 10_000;
/** A build ends by its own limit; this one is for an agent that hangs. */
const buildAnswer = 100_000_000;

const count = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(1_000_000_000));
const line = v.pipe(v.string(), v.maxLength(2000));
const problem = v.object({
  file: v.pipe(v.string(), v.maxLength(4096)),
  line: count,
  column: v.optional(count),
  severity: v.picklist(["error", "warning"]),
  message: line,
});
const prepared = v.object({
  build: v.optional(
    v.object({
      ok: v.boolean(),
      took: v.optional(count),
      why: v.optional(line),
      problems: v.optional(v.pipe(v.array(problem), v.maxLength(200))),
      log: v.optional(v.pipe(v.array(line), v.maxLength(100))),
    }),
  ),
  ran: v.optional(
    v.object({
      n: count,
      commit: v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/)),
      files: count,
      insertions: count,
      deletions: count,
      to: v.optional(count),
      undo: v.optional(count),
    }),
  ),
  note: v.optional(line),
});
export const sourceReport = v.strictObject({
  onSave: v.boolean(),
  held: v.boolean(),
  watching: v.nullable(v.picklist(["events", "polling"])),
  builds: v.boolean(),
  git: v.boolean(),
  note: v.optional(line),
});
const refusal = v.object({ code: v.pipe(line, v.regex(/^INPOD_[A-Z_]+$/)), title: line, fix: v.optional(line) });

/** The agent said no. */
export class SourceRefusal extends Error {
  readonly status: number;
  readonly body: ApiError;
  constructor(status: number, body: ApiError) {
    super(body.title);
    this.status = status;
    this.body = body;
  }
}

/** Nobody answers on the agent's socket. */
export class SourceGone extends Error {}

export interface Prepared {
  readonly build?: BuildReport;
  readonly ran?: Ran;
  readonly note?: string;
}

export interface SourceClient {
  /** Brings back files, builds, remembers; closing the connection ends the build. */
  prepare(what: { id: string; build: boolean; to?: number }, cancel: AbortSignal): Promise<Prepared>;
  /** Rejects when restart N isn't kept. */
  kept(n: number): Promise<void>;
  hold(held: boolean): Promise<SourceReport>;
  diff(n: number, colour: boolean): Promise<string>;
  close(): void;
}

/** Speaks to the source agent in the IDE container, by its Unix socket. */
export function createSourceClient(socketPath: string): SourceClient {
  const agent = new Agent({ keepAlive: true, maxSockets: 16, maxFreeSockets: 1 });

  const once = (
    method: string,
    path: string,
    body?: object,
    options: { timeout?: number; signal?: AbortSignal } = {},
  ) =>
    new Promise<string>((resolve, reject) => {
      const text = body === undefined ? "" : JSON.stringify(body);
      const gone = (cause: unknown) =>
        reject(new SourceGone(`the source agent doesn't answer on ${socketPath}`, { cause }));
      const ask = request({
        agent,
        socketPath,
        method,
        path,
        maxHeaderSize: 8192,
        ...(options.signal === undefined ? {} : { signal: options.signal }),
        headers: {
          host: "agent",
          ...(text === "" ? {} : { "content-type": "application/json", "content-length": Buffer.byteLength(text) }),
        },
      });
      const timer = setTimeout(
        () => ask.destroy(new Error("no answer in time")),
        options.timeout ?? quickAnswer,
      ).unref();
      ask.on("close", () => clearTimeout(timer));
      ask.on("error", gone);
      ask.on("response", (answer) => {
        const chunks: Buffer[] = [];
        let size = 0;
        answer.on("data", (chunk: Buffer) => {
          size += chunk.length;
          chunks.push(chunk);
          if (size > largestAnswer) ask.destroy(new Error("the answer is too long"));
        });
        answer.on("error", gone);
        answer.on("end", () => {
          const got = Buffer.concat(chunks).toString("utf8");
          const status = answer.statusCode ?? 500;
          if (status === 200) resolve(got);
          else reject(refusalOf(status, got));
        });
      });
      ask.end(text);
    });

  return {
    async prepare(what, cancel) {
      const text = await once("POST", "/prepare", what, { signal: cancel, timeout: what.build ? buildAnswer : 60_000 });
      return checkedAnswer(prepared, text) as Prepared;
    },
    async kept(n) {
      await once("GET", `/restarts/${n}`);
    },
    async hold(held) {
      return checkedAnswer(sourceReport, await once("POST", "/hold", { held })) as SourceReport;
    },
    diff: (n, colour) => once("GET", `/diff/${n}${colour ? "?colour=1" : ""}`, undefined, { timeout: 60_000 }),
    close: () => agent.destroy(),
  };
}

function checkedAnswer<S extends v.GenericSchema>(schema: S, text: string): v.InferOutput<S> {
  const result = v.safeParse(schema, parsed(text));
  if (!result.success) throw new SourceGone("the source agent's answer can't be understood");
  return result.output;
}

function refusalOf(status: number, text: string): Error {
  const result = v.safeParse(refusal, parsed(text));
  if (!result.success || status < 400 || status > 599) return new SourceGone(`the source agent answered ${status}`);
  const { code, title, fix } = result.output;
  return new SourceRefusal(status, { code, title, ...(fix === undefined ? {} : { fix }) });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
