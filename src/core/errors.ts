/** When a failed call to the outside world is worth another try. */
export type Retry = 'soon' | 'later' | 'never';

/**
 * A surprise from outside (GitHub, the model, Docker, the database, git). Nobody reads its message to decide:
 * the work loop looks at `retry` only. The message tells the operator what happened and what to do next.
 */
export class OutsideError extends Error {
  override readonly name: string = 'OutsideError';
  readonly retry: Retry;
  /** How long the other side asked us to wait, when it said so. */
  readonly waitMs: number | undefined;

  constructor(message: string, options: { retry: Retry; cause?: unknown; waitMs?: number | undefined }) {
    super(message, { cause: options.cause });
    this.retry = options.retry;
    this.waitMs = options.waitMs;
  }
}

/** The model's server says that the conversation is too long for it: what is asked next has to be shorter. */
export class ContextOverflow extends OutsideError {
  constructor(message: string, cause?: unknown) {
    super(message, { retry: 'never', cause });
  }
}

/** The operator gave us something we cannot start with; the front door prints the message alone and exits with 2. */
export class SettingsError extends Error {
  override readonly name = 'SettingsError';
}

/** Another worker has claimed the run: whoever gets this stops at once and writes nothing more. */
export class LeaseLost extends Error {
  override readonly name = 'LeaseLost';
}
