import { setTimeout as wait } from 'node:timers/promises';
import { createAppAuth } from '@octokit/auth-app';
import { Octokit } from '@octokit/rest';
import type { Logger } from 'pino';
import { z } from 'zod';

import { OutsideError } from '../../core/errors.ts';
import type { Clock } from '../../core/ports.ts';
import type { Repository } from '../../core/task.ts';
import { isMissing, outsideError } from './github-error.ts';

/** Who we are at GitHub, and where it is. */
export interface AppConnection {
  readonly appId: number;
  readonly privateKey: string;
  /** The API's address. */
  readonly baseUrl: string;
  readonly log: Logger;
  readonly requestTimeoutMs: number;
  readonly sleep: Clock['sleep'];
}

/** What a token may do; metadata may always be read. */
export type Permissions = Readonly<
  Partial<Record<'contents' | 'issues' | 'pull_requests' | 'metadata', 'read' | 'write'>>
>;

type Call = (octokit: Octokit['rest']) => Promise<{ data: unknown }>;

/** One repository through a token of its own. Disposing it revokes the token. */
export interface Access extends AsyncDisposable {
  /** Owner and name as they are now, renames included. */
  readonly at: { readonly owner: string; readonly repo: string };
  readonly token: string;
  /** Three tries: for reading, and for writes that come to the same thing when they happen twice. */
  ask<T>(doing: string, answer: z.ZodType<T>, call: Call): Promise<T>;
  /** As `ask`; null when there is no such thing. */
  find<T>(doing: string, answer: z.ZodType<T>, call: Call): Promise<T | null>;
  /** Every item of a list, page by page. */
  list<T>(
    doing: string,
    item: z.ZodType<T>,
    call: (octokit: Octokit['rest'], page: Page) => Promise<{ data: unknown }>,
  ): Promise<T[]>;
  /** Finds what is to be, or makes it with one request; an answer that got lost is looked for, not asked for again. */
  findOrCreate<T>(
    find: () => Promise<T | null>,
    create: { doing: string; answer: z.ZodType<T>; call: Call },
  ): Promise<T>;
}

type Page = { per_page: number; page: number };

const pageItems = 100; // GitHub's most
const maxPages = 50; // 5,000 comments or events; also ends a list that never does
const retryMs = [500, 2_000];
// A list may miss for some seconds what was just written.
const lookAgainMs = { soon: [500, 1_500, 3_000], never: [0], later: [] };

/** Mints a token for this one repository with these permissions, and gives the calls that it is good for. */
export async function openAccess(
  app: AppConnection,
  repository: Repository,
  permissions: Permissions,
  signal: AbortSignal,
): Promise<Access> {
  const ask = askWith(app, signal);
  const appOctokit = new Octokit({
    ...optionsFor(app, signal),
    authStrategy: createAppAuth,
    auth: { appId: app.appId, privateKey: app.privateKey },
  });
  const minted = await ask(`a token for ${repository.owner}/${repository.name}`, Token, () =>
    appOctokit.rest.apps.createInstallationAccessToken({
      installation_id: repository.installation,
      repository_ids: [repository.id],
      permissions,
    }),
  );
  const now = minted.repositories?.find(({ id }) => id === repository.id);
  const { rest } = new Octokit({ ...optionsFor(app, signal), auth: minted.token });

  const access: Access = {
    at: { owner: now?.owner.login ?? repository.owner, repo: now?.name ?? repository.name },
    token: minted.token,
    ask: (doing, answer, call) => ask(doing, answer, () => call(rest)),
    find: (doing, answer, call) =>
      ask(doing, answer.nullable(), async () => {
        try {
          return await call(rest);
        } catch (error) {
          if (isMissing(error)) return { data: null };
          throw error;
        }
      }),
    async list(doing, item, call) {
      const items = [];
      for (let page = 1; page <= maxPages; page += 1) {
        const found = await ask(doing, z.array(item), () => call(rest, { per_page: pageItems, page }));
        items.push(...found);
        if (found.length < pageItems) break;
      }
      return items;
    },
    async findOrCreate(find, { doing, answer, call }) {
      const found = await find();
      if (found !== null) return found;
      try {
        return await once(doing, answer, () => call(rest), signal);
      } catch (error) {
        if (!(error instanceof OutsideError)) throw error;
        for (const ms of lookAgainMs[error.retry]) {
          await app.sleep(ms, signal);
          const late = await find();
          if (late !== null) return late;
        }
        throw error;
      }
    },
    [Symbol.asyncDispose]: () => revoke(app, minted.token),
  };
  return access;
}

const Token = z.object({
  token: z.string().min(1),
  repositories: z
    .array(z.object({ id: z.number(), name: z.string(), owner: z.object({ login: z.string() }) }))
    .optional(),
});

/** The timeout is on each request, its body included: Octokit has none of its own. */
function optionsFor({ baseUrl, log, requestTimeoutMs }: AppConnection, signal: AbortSignal) {
  const timed: typeof fetch = (url, init) =>
    fetch(url, { ...init, signal: AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]) });
  const silent = () => {};
  const warn = (message: string) => log.warn({ message }, 'Octokit warns');
  return { baseUrl, request: { fetch: timed }, log: { debug: silent, info: silent, warn, error: silent } };
}

function askWith(app: AppConnection, signal: AbortSignal) {
  return async <T>(doing: string, answer: z.ZodType<T>, call: () => Promise<{ data: unknown }>): Promise<T> => {
    for (const ms of retryMs) {
      try {
        return await once(doing, answer, call, signal);
      } catch (error) {
        if (!(error instanceof OutsideError) || error.retry !== 'soon') throw error;
        app.log.debug({ doing, err: error }, 'GitHub stumbled; asking again');
        await app.sleep(ms, signal);
      }
    }
    return await once(doing, answer, call, signal);
  };
}

async function once<T>(
  doing: string,
  answer: z.ZodType<T>,
  call: () => Promise<{ data: unknown }>,
  signal: AbortSignal,
): Promise<T> {
  signal.throwIfAborted();
  let data: unknown;
  try {
    data = (await call()).data;
  } catch (error) {
    signal.throwIfAborted();
    throw outsideError(error, doing);
  }
  const parsed = answer.safeParse(data);
  if (parsed.success) return parsed.data;
  signal.throwIfAborted();
  // Octokit gives half a body as text when the connection breaks in its middle.
  throw new OutsideError(`GitHub's answer to ${doing} is cut off or not what it should be`, {
    retry: 'soon',
    cause: parsed.error,
  });
}

/** A token that cannot be revoked runs out by itself within the hour. */
async function revoke(app: AppConnection, token: string): Promise<void> {
  const signal = AbortSignal.timeout(app.requestTimeoutMs);
  const octokit = new Octokit({ ...optionsFor(app, signal), auth: token });
  try {
    await octokit.rest.apps.revokeInstallationAccessToken();
  } catch (error) {
    app.log.debug({ err: outsideError(error, 'the revoking of a token') }, 'Token not revoked');
  }
}

/** Sleeps for real. */
export async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal });
}
