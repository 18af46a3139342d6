/**
 * What a command in the sandbox came to. `output` is stdout and stderr together as text, head and tail when more than
 * the cap was printed; `omittedBytes` says how much is missing in between.
 */
export type CommandResult = {
  readonly output: string;
  readonly omittedBytes: number;
  readonly seconds: number;
} & (
  | { readonly kind: 'exited'; readonly exitCode: number; readonly workingDirectory: string }
  /** Over its limit: it and everything it started was killed, and the shell reopened. */
  | { readonly kind: 'timed-out' }
  /** The command ended the shell itself (`exit`, `exec`, a kill); it was reopened. */
  | { readonly kind: 'shell-ended'; readonly exitCode: number | null }
);

/** What reading a path in the sandbox came to. */
export type FileRead =
  | { readonly kind: 'file'; readonly content: Uint8Array }
  | { readonly kind: 'directory' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'unreadable'; readonly reason: string };
