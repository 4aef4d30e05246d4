import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir } from "node:os";

/** Where browser tests leave their pictures: INPOD_SCREENSHOTS, or a folder of the machine's temporary ones. */
export async function screenshotFolder(): Promise<string> {
  const folder = process.env["INPOD_SCREENSHOTS"] ?? join(tmpdir(), "inpod-screenshots");
  await mkdir(folder, { recursive: true });
  return folder;
}
