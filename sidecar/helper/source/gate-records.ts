import type { RestartRecord } from "../../protocol/index.ts";

/** What the gate knows of a restart beside what the controller tells. */
export interface Note extends Pick<RestartRecord, "build" | "ran"> {
  /** When it was asked, where that was before the controller was. */
  readonly askedAt?: string;
  /** The controller answers it by this one. */
  readonly as?: string;
}

/** The record as it is shown: its times count from when it was asked, before the build. */
export function withNote(record: RestartRecord, note: Note | undefined, id = record.id): RestartRecord {
  if (note === undefined) return record;
  const { askedAt, build, ran } = note;
  const shift = askedAt === undefined ? 0 : Math.max(0, Date.parse(record.askedAt) - Date.parse(askedAt));
  const later = (ms: number | undefined, name: string) => (ms === undefined ? {} : { [name]: ms + shift });
  return {
    ...record,
    id,
    ...(askedAt === undefined ? {} : { askedAt }),
    ...later(record.stopped, "stopped"),
    ...later(record.started, "started"),
    ...later(record.served, "served"),
    ...later(record.ready, "ready"),
    ...(build === undefined ? {} : { build }),
    ...(ran === undefined ? {} : { ran }),
  };
}
