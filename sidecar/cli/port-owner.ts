import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { pathsIn } from "../protocol/index.ts";

/** Says which processes of this container listen on the port; nothing where there are none, or no kit to ask. */
export async function nameOwners(home: string, port: number, say: (text: string) => void): Promise<void> {
  const { kit } = pathsIn(home);
  const told = await promisify(execFile)(kit, ["owner", String(port)], { timeout: 5000 }).catch(() => undefined);
  if (told !== undefined) say(told.stdout);
}
