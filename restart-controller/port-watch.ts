import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";

/** State column of /proc/net/tcp for LISTEN (include/net/tcp_states.h). */
const listen = "0A";

/**
 * Inodes of the sockets that listen on a TCP port, sorted, from the text of /proc/net/tcp or tcp6.
 * Containers of a pod share the network namespace, so this sees the app's socket without any rights.
 * Source of the format: Documentation/networking/proc_net_tcp.rst.
 */
export function listenersIn(table: string, port: number): string[] {
  const wanted = `:${port.toString(16).toUpperCase().padStart(4, "0")}`;
  const inodes: string[] = [];
  for (const line of table.split("\n")) {
    // Cheap test first: a busy pod has thousands of lines and few of them listen.
    if (!line.includes(wanted)) continue;
    const columns = line.trim().split(/\s+/);
    const [, local, , state] = columns;
    const inode = columns[9];
    if (state === listen && local?.endsWith(wanted) && inode !== undefined) inodes.push(inode);
  }
  return inodes.sort();
}

/** Reads both address families; a kernel without IPv6 has no tcp6. */
export async function readListeners(port: number, procNet = "/proc/net"): Promise<string[]> {
  const tables = await Promise.all([
    readFile(`${procNet}/tcp`, "latin1"),
    readFile(`${procNet}/tcp6`, "latin1").catch(() => ""),
  ]);
  return tables.flatMap((table) => listenersIn(table, port)).sort();
}

export interface PortWatch {
  /** How often to look, milliseconds. Takes effect at once. */
  setPace(ms: number): void;
  close(): void;
}

/** Milliseconds between looks until somebody asks for another pace. */
const firstPace = 1000;

/**
 * Calls `onListeners` with the sockets that listen on the port, at once and whenever they change. The kit asks the
 * kernel by netlink, which Node can't; where it can't either (no kit, a sandbox without sock_diag), /proc is read instead.
 * @param kit path of the kit; undefined to read /proc from the start
 */
export function createPortWatch(port: number, onListeners: (inodes: string[]) => void, kit?: string): PortWatch {
  if (kit === undefined) return createProcWatch(port, onListeners);
  let pace = firstPace;
  let closed = false;
  let fallback: PortWatch | undefined;
  let rest = "";

  const child = spawn(kit, ["listeners", String(port)], { stdio: ["pipe", "pipe", "ignore"] });
  const fallBack = () => {
    if (closed || fallback !== undefined) return;
    fallback = createProcWatch(port, onListeners);
    fallback.setPace(pace);
  };
  child.once("error", fallBack);
  child.once("exit", fallBack);
  // A child that has just ended takes no pace any more; its exit tells.
  child.stdin.on("error", () => {});
  child.stdout.setEncoding("latin1").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (!closed) onListeners(line === "" ? [] : line.split(" ").sort());
  });

  return {
    setPace(ms) {
      if (ms === pace || closed) return;
      pace = ms;
      if (fallback === undefined) child.stdin.write(`${ms}\n`);
      else fallback.setPace(ms);
    },
    close() {
      closed = true;
      child.stdin.end();
      fallback?.close();
    },
  };
}

/** A look at /proc can take tens of milliseconds: never more than a quarter of the time is spent on looking. */
const restAfterLook = 3;

/** Reads /proc/net/tcp again and again; calls back with every look, changed or not. */
export function createProcWatch(
  port: number,
  onListeners: (inodes: string[]) => void,
  read: (port: number) => Promise<string[]> = readListeners,
): PortWatch {
  let pace = firstPace;
  let timer: NodeJS.Timeout | undefined;
  let closed = false;

  const look = async () => {
    timer = undefined;
    const began = performance.now();
    const inodes = await read(port);
    if (closed) return;
    onListeners(inodes);
    timer = setTimeout(() => void look(), Math.max(pace, (performance.now() - began) * restAfterLook));
  };
  void look();

  return {
    setPace(ms) {
      if (ms === pace || closed) return;
      pace = ms;
      // A look in flight picks the new pace up by itself.
      if (timer !== undefined) {
        clearTimeout(timer);
        timer = setTimeout(() => void look(), pace);
      }
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
