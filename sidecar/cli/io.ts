/** Everything a command may touch of the process it runs in. */
export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Results. */
  readonly out: (text: string) => void;
  /** Words for people: progress, notes, errors. */
  readonly say: (text: string) => void;
  readonly colour: boolean;
  /** Says which processes beside the IDE listen on a port: the app's container can't be looked into, this one can. */
  readonly nameOwners: (port: number) => Promise<void> | void;
  /** The id of the request, where somebody began it before this program took its place. */
  readonly requestId?: string;
  /** Ends when the person presses Ctrl-C. */
  readonly stop: AbortSignal;
}
