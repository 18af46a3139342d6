/**
 * What a command in the sandbox printed: stdout and stderr together as text, head and tail when more than the cap was
 * printed; `omittedBytes` says how much is missing in between.
 */
interface Printed {
  readonly output: string;
  readonly omittedBytes: number;
  readonly seconds: number;
  /** Something in the sandbox was killed for its memory meanwhile, by the kernel's own count. */
  readonly outOfMemory?: boolean;
}

/** What a process of its own came to. */
export type CommandResult = Printed &
  (
    | { readonly kind: 'exited'; readonly exitCode: number; readonly workingDirectory: string }
    /** Over its limit: it and everything it started was killed. */
    | { readonly kind: 'timed-out' }
  );

/** What the terminal shows: `output` is what came since it was last looked at. */
export type TerminalResult = Printed &
  (
    | { readonly kind: 'exited'; readonly exitCode: number; readonly workingDirectory: string }
    /** The command goes on: it printed nothing new for as long as was asked, or its time is over. */
    | { readonly kind: 'running'; readonly why: 'quiet' | 'time-over'; readonly command: string }
    /** Nothing was done: an earlier command is still running. */
    | { readonly kind: 'busy'; readonly command: string }
    /** Nothing was done: no command is running that could be typed to. */
    | { readonly kind: 'idle' }
    /** The command ended the shell itself (`exit`, `exec`, a kill); it was reopened. */
    | { readonly kind: 'shell-ended'; readonly exitCode: number | null }
  );

/** How long the terminal is watched: to the end of the command, until it was quiet for `quietMs`, or until `timeoutMs` are over. */
export interface Watch {
  readonly timeoutMs: number;
  readonly quietMs?: number;
}

/** What reading a path in the sandbox came to. */
export type FileRead =
  | { readonly kind: 'file'; readonly content: Uint8Array }
  | { readonly kind: 'directory' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'too-large'; readonly bytes: number }
  | { readonly kind: 'unreadable'; readonly reason: string };
