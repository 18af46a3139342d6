import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';

import { SettingsError } from '../core/errors.ts';

/** An issue as text. Number 0 stands for one that has none. */
export interface IssueText {
  readonly number: number;
  readonly title: string;
  readonly body: string;
}

const Answer = z.object({ number: z.number().int(), title: z.string(), body: z.string().nullish() });

/** Reads what `--issue` names: an issue's URL at GitHub or an Enterprise Server, a text file, or else the text itself. */
export async function readIssue(given: string): Promise<IssueText> {
  if (/^https?:\/\//.test(given)) return await fetchIssue(given);
  const isFile = await stat(given).then(
    (found) => found.isFile(),
    () => false,
  );
  const [first = '', ...rest] = (isFile ? await readFile(given, 'utf8') : given).trim().split('\n');
  const title = first.replace(/^#+\s*/, '').trim();
  if (!title) throw new SettingsError('--issue is empty; give a file, an issue URL or the text itself.');
  return { number: 0, title, body: rest.join('\n').trim() };
}

async function fetchIssue(address: string): Promise<IssueText> {
  const url = new URL(address);
  const [, owner, name, number] = url.pathname.match(/^\/([^/]+)\/([^/]+)\/issues\/(\d+)\/?$/) ?? [];
  if (!number)
    throw new SettingsError(`--issue is ${address}, which is not the address of an issue (…/owner/name/issues/1).`);
  const api = url.host === 'github.com' ? 'https://api.github.com' : `${url.origin}/api/v3`;
  const answer = await fetch(`${api}/repos/${owner}/${name}/issues/${number}`, {
    headers: { accept: 'application/vnd.github+json' },
    signal: AbortSignal.timeout(15_000),
  }).catch((cause: unknown) => {
    throw new SettingsError(`${address} could not be read: no answer. Give the text itself instead.`, { cause });
  });
  if (!answer.ok)
    throw new SettingsError(`${address} could not be read: answer ${answer.status}. Give the text itself instead.`);
  const parsed = Answer.safeParse(await answer.json());
  if (!parsed.success)
    throw new SettingsError(`${address} did not answer with an issue. Give the text itself instead.`);
  return { number: parsed.data.number, title: parsed.data.title, body: parsed.data.body ?? '' };
}
