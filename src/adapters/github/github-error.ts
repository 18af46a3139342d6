import { z } from 'zod';

import { OutsideError } from '../../core/errors.ts';

// What Octokit throws. Without a response nothing came back: refused, reset, timed out.
const Failure = z.object({
  status: z.number(),
  response: z
    .object({ headers: z.record(z.string(), z.unknown()).catch({}), data: z.unknown() })
    .optional()
    .catch(undefined),
});

const Refusal = z.object({
  message: z.string(),
  errors: z.array(z.union([z.string(), z.looseObject({})])).catch([]),
});

// GitHub's advice where a secondary limit names no time: at least a minute.
const secondaryLimitMs = 60_000;

const advice: Readonly<Record<number, string>> = {
  401: 'check APP_ID and the private key on the app’s settings page',
  403: 'check the app’s permissions and that its installation is neither suspended nor waiting for approval of new ones',
  404: 'check that it still exists and that the app is installed on the repository',
  410: 'it was deleted, or the repository has issues turned off',
  422: 'see what GitHub says about it',
  451: 'GitHub has blocked the repository',
};

/** What to make of a failed request: `later` when GitHub asked us to wait, `soon` when it stumbled, `never` when it said no. */
export function outsideError(error: unknown, doing: string): unknown {
  const failure = Failure.safeParse(error);
  if (error instanceof OutsideError || !failure.success) return error;
  const { status, response } = failure.data;
  if (!response) {
    const why = error instanceof Error ? error.message : 'no answer';
    return new OutsideError(`GitHub did not answer when asked for ${doing}: ${why}`, { retry: 'soon', cause: error });
  }
  const said = `GitHub answered ${status} to ${doing}: ${wordsOf(response.data)}`;
  const waitMs = waitOf(status, response.headers, response.data);
  if (waitMs !== null) return new OutsideError(said, { retry: 'later', waitMs, cause: error });
  if (status >= 500 || status === 408 || status === 409) return new OutsideError(said, { retry: 'soon', cause: error });
  const help = advice[status];
  return new OutsideError(help ? `${said} (${help})` : said, { retry: 'never', cause: error });
}

/** How long GitHub wants to be left alone, or null when that is not what it said. Its own clock counts, not ours. */
function waitOf(status: number, headers: Readonly<Record<string, unknown>>, data: unknown): number | null {
  if (status !== 403 && status !== 429 && status !== 503) return null;
  const after = Number(headers['retry-after']);
  if (after > 0) return after * 1000;
  if (headers['x-ratelimit-remaining'] === '0') {
    const resetMs = Number(headers['x-ratelimit-reset']) * 1000;
    const leftMs = resetMs - Date.parse(String(headers.date));
    return leftMs > 0 ? leftMs : secondaryLimitMs;
  }
  return status === 429 || /rate limit/i.test(wordsOf(data)) ? secondaryLimitMs : null;
}

/** GitHub's own words, for the operator. */
function wordsOf(data: unknown): string {
  const refusal = Refusal.safeParse(data);
  if (!refusal.success) return 'it did not say why';
  const details = refusal.data.errors.map((each) => {
    if (typeof each === 'string') return each;
    return typeof each.message === 'string'
      ? each.message
      : [each.resource, each.field, each.code].filter(Boolean).join(' ');
  });
  return [refusal.data.message, ...details].join('; ').slice(0, 1_000);
}

/** Whether GitHub says that there is no such thing, or that it is gone. */
export function isMissing(error: unknown): boolean {
  const failure = Failure.safeParse(error);
  return failure.success && failure.data.response !== undefined && [404, 410].includes(failure.data.status);
}
