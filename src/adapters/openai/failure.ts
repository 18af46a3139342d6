import { APIConnectionError, APIError } from 'openai';

import { ContextOverflow, OutsideError } from '../../core/errors.ts';

/** What a failed request means: asked again, asked later by another run, or not at all. */
export interface Failure {
  readonly error: OutsideError;
  readonly again: boolean;
  readonly waitMs?: number | undefined;
}

const retryable = new Set([408, 409, 425, 429]);

/** Any failure of a request in our terms; the message tells the operator what to do. */
export function describeFailure(
  cause: unknown,
  { baseUrl, model }: { readonly baseUrl: string; readonly model: string },
): Failure {
  const status = cause instanceof APIError ? cause.status : undefined;
  if (!(cause instanceof APIError) || status === undefined) {
    const what = cause instanceof APIConnectionError ? 'does not answer' : 'gave an answer that cannot be read';
    const message = `The model server at ${baseUrl} ${what}. Start it, or set MODEL_BASE_URL to where it runs.`;
    return { error: new OutsideError(message, { retry: 'soon', cause }), again: true };
  }
  const said = cause.message.slice(0, 500);
  const failed = (retry: 'soon' | 'later' | 'never', message: string): Failure => ({
    error: new OutsideError(message, { retry, cause }),
    again: false,
  });
  if (isOverflow(cause)) {
    const error = new ContextOverflow(`The conversation is too long for ${model} at ${baseUrl}: ${said}`, cause);
    return { error, again: false };
  }
  // Work is parked, not lost: it goes on when the operator has put this right (THREATS M9).
  if (status === 401 || status === 403)
    return failed('later', `The model server at ${baseUrl} refused the key; set MODEL_API_KEY.`);
  if (status === 402 || cause.code === 'insufficient_quota')
    return failed('later', `The model server at ${baseUrl} says that its quota is used up: ${said}`);
  if (status === 404)
    return failed(
      'never',
      `The model server at ${baseUrl} does not know ${model}; set MODEL_NAME and see that MODEL_BASE_URL ends in /v1.`,
    );
  const again = retryable.has(status) || status >= 500;
  const waitMs = retryAfterMs(cause.headers?.get('retry-after'));
  const message = `The model server at ${baseUrl} answered ${status}: ${said}`;
  return { error: new OutsideError(message, { retry: again ? 'soon' : 'never', cause, waitMs }), again, waitMs };
}

// DEVSTRAL §4.1 and §4.3: every wording that a server is known to use.
const overflow = new RegExp(
  [
    'context too long',
    'maximum context length',
    'too large for model with',
    'input too large',
    "couldn't fit with truncation",
    'prompt is too long',
    'model_context_exceeded',
    'prompt_too_long',
    'exceeds the available context size',
    'exceed_context_size',
    'context_length_exceeded',
    'context length exceeded',
    'context window',
  ].join('|'),
  'i',
);

function isOverflow({ status, message, code, error }: APIError): boolean {
  if (status !== 400 && status !== 413 && status !== 422 && status !== 500) return false;
  return overflow.test(`${message} ${code ?? ''} ${JSON.stringify(error ?? '')}`);
}

/** Seconds, or a date; nothing else counts. */
function retryAfterMs(header: string | null | undefined): number | undefined {
  if (!header) return undefined;
  const seconds = Number(header);
  if (Number.isFinite(seconds)) return seconds >= 0 ? seconds * 1000 : undefined;
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - Date.now());
}
