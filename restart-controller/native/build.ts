/**
 * Builds the kit: `node build.ts [--sanitize] [--cc COMPILER] [--out FILE]`.
 *
 * With musl (Debian: musl-tools) or `--cc "zig cc -target aarch64-linux-musl"` the result is a static program below 100 KB. A plain C
 * compiler does too, so that a first `npm start` needs nothing more; then the program carries glibc and is some 900 KB.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs, promisify } from "node:util";

const run = promisify(execFile);
const here = import.meta.dirname;

const WARNINGS = (
  "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wundef " +
  "-Wwrite-strings -Wcast-qual -Werror"
).split(" ");
const LANGUAGE = ["-std=c11", "-D_GNU_SOURCE"];
const RELEASE = (
  "-Os -static -s -fno-asynchronous-unwind-tables -fstack-protector-strong -ffunction-sections -fdata-sections " +
  "-Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack"
).split(" ");
const SANITIZE = "-g -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all".split(" ");

export interface BuildOptions {
  /** Address and undefined-behaviour checks, for the tests; dynamic, with the machine's own libc. */
  sanitize?: boolean;
  /** Compiler, with its arguments separated by spaces. Default: $CC, else musl-gcc, else cc, gcc, clang. */
  cc?: string;
  /** A file with another `main` than main.c's, for programs that call the kit's parts. Needs `out`. */
  main?: string;
  /** Where the program goes. Default: build/kit or build/kit-sanitized beside this file. */
  out?: string;
}

/** No compiler, or one that failed. `code` is INPOD_KIT_COMPILER or INPOD_KIT_BUILD; `fix` says what to do. */
export class KitBuildError extends Error {
  readonly code: "INPOD_KIT_COMPILER" | "INPOD_KIT_BUILD";
  readonly fix: string;

  constructor(code: KitBuildError["code"], title: string, fix: string, options?: ErrorOptions) {
    super(`${title}: ${fix}`, options);
    this.name = "KitBuildError";
    this.code = code;
    this.fix = fix;
  }
}

async function works(command: string): Promise<boolean> {
  const [program = "", ...args] = command.split(" ");
  return run(program, [...args, "--version"]).then(
    () => true,
    () => false,
  );
}

async function findCompiler({ cc, sanitize }: BuildOptions): Promise<string> {
  const asked = cc ?? process.env["CC"];
  if (asked !== undefined && asked !== "") {
    if (await works(asked)) return asked;
    throw new KitBuildError(
      "INPOD_KIT_COMPILER",
      `the C compiler "${asked}" can't be run`,
      "name another one with --cc or in CC",
    );
  }
  const candidates = sanitize === true ? ["cc", "gcc", "clang"] : ["musl-gcc", "cc", "gcc", "clang"];
  for (const candidate of candidates) if (await works(candidate)) return candidate;
  throw new KitBuildError(
    "INPOD_KIT_COMPILER",
    `there is no C compiler (looked for ${candidates.join(", ")})`,
    "install one, on Debian or Ubuntu `apt-get install musl-tools`, on Fedora `dnf install musl-gcc`, on Alpine `apk add build-base`",
  );
}

/** One version for everything: the repository's. */
async function version(): Promise<string> {
  const root: unknown = JSON.parse(await readFile(join(here, "../../package.json"), "utf8"));
  const found = typeof root === "object" && root !== null && "version" in root ? root.version : undefined;
  return typeof found === "string" && /^[\w.+-]+$/.test(found) ? found : "0.0.0";
}

/** Builds what is not up to date and returns the program's path. Several at once don't disturb each other. Throws KitBuildError. */
export async function buildKit(options: BuildOptions = {}): Promise<string> {
  const out = options.out ?? join(here, "build", options.sanitize === true ? "kit-sanitized" : "kit");
  const own = (await readdir(here)).filter((name) => /\.[ch]$/.test(name)).sort();
  const names = options.main === undefined ? own : [...own.filter((name) => name !== "main.c"), options.main];
  const sources = await Promise.all(names.map((name) => readFile(join(here, name), "utf8")));
  const compiler = await findCompiler(options);
  const flags = [
    ...LANGUAGE,
    `-DKIT_VERSION="${await version()}"`,
    ...WARNINGS,
    ...(options.sanitize === true ? SANITIZE : RELEASE),
  ];
  const digest = createHash("sha256")
    .update(JSON.stringify([compiler, flags, names, sources]))
    .digest("hex");

  const stamp = `${out}.stamp`;
  const built = await Promise.all([readFile(stamp, "utf8").catch(() => ""), stat(out).catch(() => undefined)]);
  if (built[0] === digest && built[1] !== undefined) return out;

  await mkdir(join(out, ".."), { recursive: true });
  const temporary = `${out}.${process.pid}.${Date.now()}`;
  const [program = "", ...args] = compiler.split(" ");
  try {
    await run(program, [...args, ...flags, "-o", temporary, ...names.filter((name) => name.endsWith(".c"))], {
      cwd: here,
    });
    await rename(temporary, out);
  } catch (cause) {
    await rm(temporary, { force: true });
    const said =
      typeof cause === "object" && cause !== null && "stderr" in cause ? String(cause.stderr).trim() : String(cause);
    throw new KitBuildError(
      "INPOD_KIT_BUILD",
      `${compiler} could not build the kit`,
      `try another compiler with --cc, or report this:\n${said.slice(0, 4000)}`,
      { cause },
    );
  }
  await writeFile(stamp, digest);
  return out;
}

async function main(): Promise<number> {
  try {
    const { values } = parseArgs({
      options: { sanitize: { type: "boolean" }, cc: { type: "string" }, out: { type: "string" } },
    });
    const path = await buildKit(values);
    process.stdout.write(`${path}\n`);
    return 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return error instanceof KitBuildError ? 1 : 2;
  }
}

if (import.meta.main) process.exitCode = await main();
