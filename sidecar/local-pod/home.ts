import { randomBytes } from "node:crypto";
import { chmod, mkdir, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathsIn, type Paths } from "../protocol/index.ts";
import { errors } from "./errors.ts";

/** The tree of the local pod; the part that a pod has too is at the same place below INPOD_HOME. */
export interface Home {
  readonly root: string;
  readonly paths: Paths;
  readonly kit: string;
  /** `inpod` and `restart`, first on the IDE terminal's PATH. */
  readonly bin: string;
  readonly source: string;
  /** HOME of the IDE. */
  readonly user: string;
  readonly extensions: string;
  readonly logs: string;
  readonly temporary: string;
  readonly state: string;
  readonly passwordFile: string;
  readonly loginTokenFile: string;
  /** Where the present one answers: one line. */
  readonly address: string;
}

/** VS Code's own sockets have the longest names: `tmp/vscode-ipc-<uuid>.sock`. A Unix socket's path holds 107 bytes. */
const longestBelow = "/tmp/vscode-ipc-00000000-0000-0000-0000-000000000000.sock".length;

export function homeAt(root: string): Home {
  const most = 107 - longestBelow;
  if (Buffer.byteLength(root) > most) throw errors.homeTooLong(root, most);
  return {
    root,
    paths: pathsIn(root),
    kit: join(root, "bin/kit"),
    bin: join(root, "bin"),
    source: join(root, "source"),
    user: join(root, "user"),
    extensions: join(root, "extensions"),
    logs: join(root, "logs"),
    temporary: join(root, "tmp"),
    state: join(root, "state"),
    passwordFile: join(root, "secret/password"),
    loginTokenFile: join(root, "secret/login-token"),
    address: join(root, "address"),
  };
}

/** Makes the folders; what a killed predecessor left in `tmp` and `run` is taken away. */
export async function makeHome(home: Home): Promise<void> {
  try {
    await mkdir(home.root, { recursive: true });
    // Others on this machine have no business with the sockets, the password or the source.
    await chmod(home.root, 0o700);
    for (const volatile of [home.temporary, join(home.root, "run")])
      await rm(volatile, { recursive: true, force: true });
    for (const folder of [
      home.bin,
      home.user,
      home.logs,
      home.temporary,
      home.state,
      join(home.root, "run"),
      join(home.root, "secret"),
    ]) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
    }
  } catch (cause) {
    throw errors.cannotWrite(home.root, cause as NodeJS.ErrnoException);
  }
}

/** The launchers of the two commands, as the image has them; a checkout that moved is followed at the next start. */
export async function writeLaunchers(home: Home, node: string, cli: string): Promise<void> {
  const quoted = (text: string) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  for (const name of ["inpod", "restart"]) {
    const program = `${quoted(node)} ${quoted(cli)}`;
    const ask = `${quoted(home.kit)} ask ${quoted(home.paths.apiSocket)} ${name} ${program} -- "$@"`;
    const script = `#!/bin/sh\nexport INPOD_CALLED_AS=${name}\nexec ${ask}\n`;
    await writeFile(join(home.bin, name), script, { mode: 0o755 });
  }
}

/** A folder with a link to each of code-server's extensions and to ours: no file of the user's is touched. */
export async function linkExtensions(home: Home, theirs: string, ours: string): Promise<void> {
  await rm(home.extensions, { recursive: true, force: true });
  await mkdir(home.extensions);
  for (const name of await readdir(theirs)) await symlink(join(theirs, name), join(home.extensions, name));
  await symlink(ours, join(home.extensions, "inpod"));
}

/** The password stays from start to start; the login link's token is new each time, and good once. */
export async function writeSecrets(home: Home): Promise<{ token: string }> {
  const kept = await readFile(home.passwordFile, "utf8").catch(() => "");
  if (kept.trim() === "")
    await writeFile(home.passwordFile, `${randomBytes(18).toString("base64url")}\n`, { mode: 0o600 });
  const token = randomBytes(24).toString("base64url");
  await rm(home.loginTokenFile, { force: true });
  await writeFile(home.loginTokenFile, `${token}\n`, { mode: 0o600 });
  return { token };
}

/** Where the pod that runs now answers, as it wrote it down. */
export async function readAddress(home: Home): Promise<string | undefined> {
  return readFile(home.address, "utf8").then(
    (text) => text.trim(),
    () => undefined,
  );
}
