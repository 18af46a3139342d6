import { z } from 'zod';

import type { Task } from '../core/task.ts';

// What the triggers read of GitHub's payloads: strict about types, silent about everything else.

/** Text that a database can hold: lone surrogates and NUL become U+FFFD. */
export const Text = z.string().transform((text) => text.toWellFormed().replaceAll('\0', '\uFFFD'));

/** A person. Bots, organisations and placeholder users have another type, and ask for nothing. */
export const Human = z.object({ id: z.number().int(), login: z.string().min(1), type: z.literal('User') });

/** An issue that is not a pull request, with the author's account perhaps deleted. */
export const Issue = z.object({
  number: z.number().int(),
  title: Text,
  body: Text.nullable(),
  html_url: z.string(),
  updated_at: z.iso.datetime({ offset: true }),
  user: z.object({ login: z.string() }).nullable(),
  pull_request: z.undefined().optional(),
});

export const PayloadRepository = z.object({
  id: z.number().int(),
  name: z.string().min(1),
  default_branch: z.string().min(1),
  owner: z.object({ login: z.string().min(1) }),
});

export const Installation = z.object({ id: z.number().int().positive() });

/** The repository of a payload, as core names it. */
export function repositoryOf(
  repository: z.infer<typeof PayloadRepository>,
  installation: z.infer<typeof Installation>,
): Task['repository'] {
  const { id, name, owner, default_branch: defaultBranch } = repository;
  return { id, owner: owner.login, name, installation: installation.id, defaultBranch };
}

/** The issue of a payload, as core names it. */
export function issueOf(issue: z.infer<typeof Issue>): Task['issue'] {
  const { number, title, body, user, html_url: url } = issue;
  return { number, title, body: body ?? '', author: user?.login ?? 'ghost', url };
}
