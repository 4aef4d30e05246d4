/** Everything a command may touch of the process it runs in. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results. */
  readonly out: (text: string) => void;
  /** Words for people: progress, notes, errors. */
  readonly say: (text: string) => void;
  readonly colour: boolean;
  /** The id of the request, where somebody began it before this program took its place. */
  readonly requestId?: string;
  /** Ends when the person presses Ctrl-C. */
  readonly stop: AbortSignal;
}
