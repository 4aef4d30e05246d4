import { randomUUID } from "node:crypto";
import type { ApiEvent, EditorsReport } from "../protocol/index.ts";

/** How long a restart waits for the IDE to save, milliseconds. */
const patience = 500;
/** A window of VS Code each; the streams they come by are bounded as well. */
const mostWindows = 50;

export interface Editors {
  /** A window of the IDE has opened its event stream; the returned function says that it is gone. */
  opened(window: string, send: (event: ApiEvent) => void): () => void;
  /** What a window says of its editors; nothing is kept of one without a stream. */
  reported(report: EditorsReport): void;
  windows(): number;
  /**
   * Has every window save what is unsaved, and gives what the person should know: what was left, or nothing. Where no window has
   * unsaved editors there is nothing to wait for.
   */
  save(): Promise<string | undefined>;
}

interface Window {
  readonly send: (event: ApiEvent) => void;
  unsaved: number;
  untitled: number;
  /** The last request that it has answered. */
  answered?: string;
}

export function createEditors(within: number = patience): Editors {
  const windows = new Map<string, Window>();
  const waiting = new Set<() => void>();
  const changed = () => {
    for (const look of waiting) look();
  };

  /** Resolves with whether all of them have answered or gone in time. */
  const answers = (asked: readonly Window[], id: string) =>
    new Promise<boolean>((resolve) => {
      const present = () => [...windows.values()];
      const look = () => {
        if (asked.every((window) => window.answered === id || !present().includes(window))) finish(true);
      };
      const finish = (all: boolean) => {
        clearTimeout(timer);
        waiting.delete(look);
        resolve(all);
      };
      const timer = setTimeout(() => finish(false), within);
      waiting.add(look);
      look();
    });

  const saveIn = async (dirty: readonly Window[]) => {
    const id = randomUUID();
    for (const { send } of dirty) send({ type: "save", save: { id } });
    const all = await answers(dirty, id);
    const left = sum([...windows.values()].map(({ unsaved }) => unsaved));
    if (left === 0) return undefined;
    return all
      ? `${count(left, "editor")} could not be saved: what runs is without these changes`
      : `the IDE has not saved ${count(left, "editor")} in ${within} ms: what runs may be without these changes`;
  };

  return {
    opened(name, send) {
      if (windows.size >= mostWindows) return () => {};
      const window: Window = { send, unsaved: 0, untitled: 0 };
      windows.set(name, window);
      return () => {
        if (windows.get(name) === window) windows.delete(name);
        changed();
      };
    },
    reported({ window: name, unsaved, untitled, saved }) {
      const window = windows.get(name);
      if (window === undefined) return;
      Object.assign(window, { unsaved, untitled });
      if (saved !== undefined) window.answered = saved;
      changed();
    },
    windows: () => windows.size,
    async save() {
      const all = [...windows.values()];
      const dirty = all.filter(({ unsaved }) => unsaved > 0);
      const left = dirty.length === 0 ? undefined : await saveIn(dirty);
      const untitled = sum(all.map((window) => window.untitled));
      const alone =
        untitled === 0
          ? undefined
          : `${count(untitled, "untitled editor")} left alone: a file needs a name to be saved`;
      const notes = [left, alone].filter((note) => note !== undefined);
      return notes.length === 0 ? undefined : notes.join("; ");
    },
  };
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const count = (number: number, what: string) => `${number} ${what}${number === 1 ? "" : "s"}`;
