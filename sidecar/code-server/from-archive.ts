import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { open, rm } from "node:fs/promises";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { runCommand } from "./command.ts";
import { CodeServerError } from "./errors.ts";
import { createPhases, type Progress } from "./phases.ts";
import { codeServerVersion } from "./version.ts";

/** A release archive (`code-server-VERSION-linux-ARCH.tar.gz`): a file or an http(s) address, and what it must hash to. */
export interface Archive {
  readonly from: string;
  /** Lower-case hex. Never left out: an unverified archive would run with the rights of whoever starts this. */
  readonly sha256: string;
}

/** Unpacks the archive into the empty folder `target` (its one top folder left out), after its checksum proved right. */
export async function installFromArchive(target: string, archive: Archive, progress: Progress): Promise<void> {
  const { phase } = createPhases(`code-server ${codeServerVersion}`, progress);
  const remote = /^https?:\/\//.test(archive.from);
  const file = remote ? `${target}.tar.gz` : archive.from;
  try {
    if (remote) await phase(`downloading ${archive.from}`, () => download(archive.from, file));
    const actual = await phase("checking the archive", () => sha256Of(file));
    if (actual !== archive.sha256.toLowerCase()) {
      throw new CodeServerError(
        "INPOD_ARCHIVE_CHECKSUM",
        `${archive.from} has the SHA-256 ${actual}, but INPOD_CODE_SERVER_SHA256 says ${archive.sha256}.`,
        "Nothing was unpacked. Compare both with the checksum that the release page publishes.",
      );
    }
    const unpacked = await phase("unpacking", () =>
      runCommand("tar", ["-xzf", file, "-C", target, "--strip-components=1"]),
    );
    if (unpacked.code !== 0) {
      throw new CodeServerError(
        "INPOD_ARCHIVE_UNPACK",
        `${archive.from} can't be unpacked: ${unpacked.output.trim()}`,
        "Check the disk and the file.",
      );
    }
  } finally {
    if (remote) await rm(file, { force: true });
  }
}

async function download(address: string, file: string): Promise<void> {
  try {
    const answer = await fetch(address, { signal: AbortSignal.timeout(600_000) });
    if (!answer.ok || answer.body === null) throw new Error(`the server answered ${answer.status}`);
    await using handle = await open(file, "w");
    await pipeline(Readable.fromWeb(answer.body), handle.createWriteStream());
  } catch (cause) {
    throw new CodeServerError(
      "INPOD_ARCHIVE_DOWNLOAD",
      `${address} could not be downloaded: ${cause instanceof Error ? (cause.cause instanceof Error ? cause.cause.message : cause.message) : String(cause)}.`,
      "Check the address and the network; or download it elsewhere and give INPOD_CODE_SERVER_ARCHIVE the file.",
      { cause },
    );
  }
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
  } catch (cause) {
    throw new CodeServerError(
      "INPOD_ARCHIVE_MISSING",
      `INPOD_CODE_SERVER_ARCHIVE names ${file}, which can't be read.`,
      "Name the release archive or its address.",
      { cause },
    );
  }
  return hash.digest("hex");
}
