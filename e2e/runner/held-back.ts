/** Says later what is said before its turn has come, in order; from then on at once. */
export function createHeldBack(say: (text: string) => void): {
  say(text: string): void;
  release(): void;
} {
  let held: string[] | undefined = [];
  return {
    say(text) {
      if (held === undefined) say(text);
      else held.push(text);
    },
    release() {
      for (const text of held ?? []) say(text);
      held = undefined;
    },
  };
}
