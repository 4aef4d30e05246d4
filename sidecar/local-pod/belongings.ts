import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A mark in the environment of every process of the local pod, inherited by all that they start: what a container is to
 * the kubelet. It finds terminals, background jobs and debuggers that have left their process group.
 */
export const podMark = "_INPOD_LOCAL_POD";
export const containerMark = "_INPOD_LOCAL_CONTAINER";

/** Pids whose environment has every one of these; zombies have none. */
export function belongings(marks: Readonly<Record<string, string>>): number[] {
  const wanted = Object.entries(marks).map(([name, value]) => `${name}=${value}`);
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      const environment = environmentOf(pid);
      return wanted.every((mark) => environment.includes(mark));
    })
    .map(Number);
}

function environmentOf(pid: string): string[] {
  try {
    return readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
  } catch {
    // Gone meanwhile, or another user's.
    return [];
  }
}

export function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Gone already: what we wanted.
  }
}

/** Ends them all: SIGTERM, then SIGKILL for what is left after `graceMs`; until none is left. */
export async function endBelongings(marks: Readonly<Record<string, string>>, graceMs: number): Promise<void> {
  for (const pid of belongings(marks)) signal(pid, "SIGTERM");
  const deadline = Date.now() + graceMs;
  while (Date.now() < deadline && belongings(marks).length > 0) await sleep(20);
  // A process can be forking while it is looked for: once more until nobody is there.
  for (let round = 0; round < 50; round++) {
    const left = belongings(marks);
    if (left.length === 0) return;
    for (const pid of left) signal(pid, "SIGKILL");
    await sleep(20);
  }
}

/**
 * Ends the local pod should its main process die without a word (kill -9, out of memory). A shell that waits for the
 * end of its input, which is the end of our process; `disarm` first when we end in order.
 */
export function armDeadMansSwitch(marks: Readonly<Record<string, string>>): { disarm(): void } {
  const [mark = ""] = Object.entries(marks).map(([name, value]) => `${name}=${value}`);
  const script = `
    trap '' INT TERM HUP
    cat >/dev/null
    for signal in TERM KILL KILL; do
      for file in $(grep -lzxF -e "$1" /proc/[0-9]*/environ 2>/dev/null); do
        pid=\${file#/proc/}
        kill -$signal "\${pid%/environ}" 2>/dev/null
      done
      sleep 2
    done`;
  const child = spawn("/bin/sh", ["-c", script, "sh", mark], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: { PATH: "/usr/local/bin:/usr/bin:/bin" },
  });
  // Only its input ties it to us.
  child.unref();
  child.on("error", () => {});
  return {
    disarm() {
      if (child.pid !== undefined) signal(-child.pid, "SIGKILL");
    },
  };
}
