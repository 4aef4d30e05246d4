import { argon2, createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { HelperError } from "../errors.ts";

/** OWASP's first choice for argon2id: 19 MiB, two passes, one lane. */
const ownCost = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 } as const;
/** What a stored hash may cost at most: the helper has little memory. */
const mostMemory = 65_536;
const mostPasses = 10;
const atOnce = 2;
const mostWaiting = 16;
const longestPassword = 1024;

interface Stored {
  readonly salt: Buffer;
  readonly tag: Buffer;
  readonly memory: number;
  readonly passes: number;
  readonly parallelism: number;
}

export interface PasswordCheck {
  /** True for the right password. Throws a HelperError when the file can't be used or too many ask at once. */
  matches(candidate: string): Promise<boolean>;
}

/**
 * Compares with the password file: plain text, or an `$argon2id$` hash. It is read anew each time, so that a rotated Secret
 * works without a restart. Both kinds cost the same argon2id, two at a time.
 */
export function createPasswordCheck(file: string): PasswordCheck {
  const enter = createGate(atOnce, mostWaiting);
  let known: { readonly digest: string; readonly stored: Stored } | undefined;
  return {
    async matches(candidate) {
      const content = await readSecret(file);
      if (Buffer.byteLength(candidate) > longestPassword) return false;
      const leave = await enter();
      try {
        const digest = createHash("sha256").update(content).digest("hex");
        if (known?.digest !== digest) known = { digest, stored: await storedFrom(content) };
        const { stored } = known;
        return timingSafeEqual(await derive(candidate, stored), stored.tag);
      } finally {
        leave();
      }
    },
  };
}

async function readSecret(file: string): Promise<string> {
  let content: string;
  try {
    content = (await readFile(file, "utf8")).replace(/\r?\n$/, "");
  } catch (cause) {
    throw new HelperError("INPOD_PASSWORD_UNUSABLE", `the file can't be read (${codeOf(cause)})`, { cause });
  }
  if (content === "") throw new HelperError("INPOD_PASSWORD_UNUSABLE", "the file is empty");
  return content;
}

/** A content that looks like a hash is never taken for a password. */
async function storedFrom(content: string): Promise<Stored> {
  return /^\$[\w-]+\$/.test(content) ? parsePhc(content) : hash(content);
}

async function hash(password: string): Promise<Stored> {
  const cost = { salt: randomBytes(16), ...ownCost };
  return { ...cost, tag: await derive(password, { ...cost, tag: Buffer.alloc(ownCost.tagLength) }) };
}

function derive(password: string, { salt, tag, memory, passes, parallelism }: Stored): Promise<Buffer> {
  const parameters = { message: password, nonce: salt, tagLength: tag.length, memory, passes, parallelism };
  return new Promise((resolve, reject) => {
    argon2("argon2id", parameters, (error, derived) => (error === null ? resolve(derived) : reject(error)));
  });
}

const phc = /^\$argon2id\$v=19\$m=(\d{1,7}),t=(\d{1,3}),p=(\d{1,2})\$([A-Za-z0-9+/]{11,88})\$([A-Za-z0-9+/]{16,88})$/;

/** The `$argon2id$v=19$m=…,t=…,p=…$salt$tag` that `argon2` tools print. Something else with a `$name$` is never taken for a password. */
function parsePhc(text: string): Stored {
  const [, m = "", t = "", p = "", salt = "", tag = ""] = phc.exec(text) ?? [];
  const stored = {
    memory: Number(m),
    passes: Number(t),
    parallelism: Number(p),
    salt: Buffer.from(salt, "base64"),
    tag: Buffer.from(tag, "base64"),
  };
  if (tag === "")
    throw new HelperError("INPOD_PASSWORD_UNUSABLE", "the hash is none of $argon2id$v=19$m=…,t=…,p=…$…$…");
  const { memory, passes, parallelism } = stored;
  if (memory > mostMemory || memory < 8 * parallelism || passes > mostPasses || passes < 1 || parallelism < 1) {
    const cost = `m=${memory},t=${passes},p=${parallelism}`;
    throw new HelperError("INPOD_PASSWORD_UNUSABLE", `the hash costs ${cost}; at most m=${mostMemory},t=${mostPasses}`);
  }
  return stored;
}

/** At most `most` inside, at most `queued` waiting. */
function createGate(most: number, queued: number): () => Promise<() => void> {
  let inside = 0;
  const waiting: (() => void)[] = [];
  const leave = () => {
    const next = waiting.shift();
    if (next === undefined) inside--;
    else next();
  };
  return async () => {
    if (inside < most) {
      inside++;
      return leave;
    }
    if (waiting.length >= queued) throw new HelperError("INPOD_LOGIN_BUSY");
    await new Promise<void>((resolve) => waiting.push(resolve));
    return leave;
  };
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : "unknown";
}
