const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** `41 ms`, `1.23 s`, `25.0 s`, `2 min`: three digits at most, as the CLI writes them. */
export function durationText(ms: number): string {
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 99_500) return `${(ms / 1000).toFixed(ms < 9_950 ? 2 : 1)} s`;
  return `${Math.round(ms / minute)} min`;
}

/** Every millisecond of it: `1,234 ms`. */
export function exactText(ms: number): string {
  return `${Math.round(ms)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ",")} ms`;
}

/** How long something has been so: `8 s`, `3 min`, `2 h 5 min`, `4 d 1 h`. Clocks that disagree give `0 s`. */
export function ageText(ms: number): string {
  if (ms < minute) return `${Math.max(0, Math.floor(ms / 1000))} s`;
  if (ms < hour) return `${Math.floor(ms / minute)} min`;
  const [large, unit, small, part] =
    ms < day
      ? [Math.floor(ms / hour), "h", Math.floor((ms % hour) / minute), "min"]
      : [Math.floor(ms / day), "d", Math.floor((ms % day) / hour), "h"];
  return small === 0 ? `${large} ${unit}` : `${large} ${unit} ${small} ${part}`;
}

/** The time on the person's own clock, with the date where it isn't today: `14:03:09`, `20 Nov 14:03:09`. */
export function clockText(iso: string, now: Date): string {
  const at = new Date(iso);
  if (Number.isNaN(at.getTime())) return iso;
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => String(part).padStart(2, "0")).join(":");
  if (at.toDateString() === now.toDateString()) return time;
  return `${at.getDate()} ${at.toLocaleString("en", { month: "short" })} ${time}`;
}
