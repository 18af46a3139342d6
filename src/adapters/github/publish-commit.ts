import { isUtf8 } from 'node:buffer';
import { z } from 'zod';

import { OutsideError } from '../../core/errors.ts';
import type { ChangedFile } from '../../core/patch.ts';
import type { Access } from './access.ts';

const Sha = z.object({ sha: z.string() });
const Commit = z.object({ sha: z.string(), tree: Sha, parents: z.array(Sha) });
const Ref = z.object({ object: Sha });

const inlineBytes = 1024 * 1024; // one request carries all inline files together

type Entry = { path: string; mode: '100644' | '100755'; type: 'blob' } & ({ content: string } | { sha: string | null });

/**
 * A new branch with one commit, through the Git Data API: without author and committer GitHub signs it as the app's.
 * Trees, blobs and commits that no branch names are nobody's concern, so only the branch must not be made twice.
 */
export async function publishCommit(
  access: Access,
  {
    branch,
    baseCommit,
    message,
    files,
  }: { branch: string; baseCommit: string; message: string; files: readonly ChangedFile[] },
): Promise<{ commit: string }> {
  const base = await readCommit(access, baseCommit);
  const entries: Entry[] = [];
  for (const file of files) entries.push(await entryOf(access, file));
  const tree = await access.ask('a tree', Sha, (octokit) =>
    octokit.git.createTree({ ...access.at, base_tree: base.tree.sha, tree: entries }),
  );

  const find = () =>
    access.find(`the branch ${branch}`, Ref, (octokit) => octokit.git.getRef({ ...access.at, ref: `heads/${branch}` }));
  const existing = await find();
  if (existing) return await adopt(access, existing.object.sha, { branch, baseCommit, tree: tree.sha });

  const commit = await access.ask('a commit', Sha, (octokit) =>
    octokit.git.createCommit({ ...access.at, message, tree: tree.sha, parents: [baseCommit] }),
  );
  const ref = await access.findOrCreate(find, {
    doing: `the branch ${branch}`,
    answer: Ref,
    call: (octokit) => octokit.git.createRef({ ...access.at, ref: `refs/heads/${branch}`, sha: commit.sha }),
  });
  return await adopt(access, ref.object.sha, { branch, baseCommit, tree: tree.sha });
}

/** A branch of this name is ours only when it says exactly what we were about to say. */
async function adopt(
  access: Access,
  sha: string,
  { branch, baseCommit, tree }: { branch: string; baseCommit: string; tree: string },
): Promise<{ commit: string }> {
  const found = await readCommit(access, sha);
  const isOurs = found.tree.sha === tree && found.parents.length === 1 && found.parents[0]?.sha === baseCommit;
  if (isOurs) return { commit: sha };
  throw new OutsideError(
    `The branch ${branch} exists already with another content (${sha.slice(0, 12)}); delete or rename it, then ask again.`,
    { retry: 'never' },
  );
}

function readCommit(access: Access, sha: string): Promise<z.infer<typeof Commit>> {
  return access.ask(`the commit ${sha}`, Commit, (octokit) => octokit.git.getCommit({ ...access.at, commit_sha: sha }));
}

/** Text goes inline; what JSON cannot carry unchanged, or only at length, goes as a blob of its own. */
async function entryOf(access: Access, { path, mode, contentBase64 }: ChangedFile): Promise<Entry> {
  if (contentBase64 === null) return { path, mode: '100644', type: 'blob', sha: null };
  if (mode !== '100644' && mode !== '100755') {
    throw new OutsideError(`${path} has the mode ${mode}; only ordinary files are published.`, { retry: 'never' });
  }
  const content = Buffer.from(contentBase64, 'base64');
  const isText = content.length > 0 && content.length <= inlineBytes && isUtf8(content) && !content.includes(0);
  if (isText) return { path, mode, type: 'blob', content: content.toString('utf8') };
  const blob = await access.ask(`a blob for ${path}`, Sha, (octokit) =>
    octokit.git.createBlob({ ...access.at, content: contentBase64, encoding: 'base64' }),
  );
  return { path, mode, type: 'blob', sha: blob.sha };
}
