import { type Context, Hono } from 'hono';
import { z } from 'zod';

import {
  mintToken,
  Refusal,
  requireApp,
  requirePermission,
  requireRepository,
  requireToken,
  tokenShape,
} from './authority.ts';
import { addComment, addReaction, type Echo } from './changes.ts';
import { git, gitBytes, readCommit, readRef } from './git-store.ts';
import {
  appShape,
  commentShape,
  issueShape,
  pullShape,
  reactionShape,
  repositoryShape,
  timelineShape,
  userShape,
} from './shapes.ts';
import { appUser, type Issue, type PullRequest, type Repository, type State, stamp } from './state.ts';

/** The REST routes that the bot uses, below the API's root. */
export function restRoutes(state: State, echo: Echo): Hono {
  const app = new Hono();
  const authorization = (context: Context) => context.req.header('authorization');
  const within = (context: Context, permission: string, level: 'read' | 'write') => {
    const token = requireToken(state, authorization(context));
    const repository = requireRepository(
      state,
      token,
      context.req.param('owner') ?? '',
      context.req.param('repo') ?? '',
    );
    requirePermission(token, permission, level);
    return repository;
  };

  app.onError((error, context) => {
    if (!(error instanceof Refusal))
      return context.json({ message: `Simulation: ${error.message}`, documentation_url: docs }, 500);
    const errors = error.errors.length > 0 ? { errors: error.errors } : {};
    return context.json(
      { message: error.message, ...errors, documentation_url: docs, status: String(error.status) },
      error.status as 404,
    );
  });
  app.notFound((context) => context.json({ message: 'Not Found', documentation_url: docs, status: '404' }, 404));

  app.get('/app', (context) => {
    requireApp(state, authorization(context));
    return context.json(appShape(state));
  });
  app.post('/app/installations/:id/access_tokens', async (context) => {
    requireApp(state, authorization(context));
    if (Number(context.req.param('id')) !== state.installation) throw new Refusal(404, 'Not Found');
    const asked = await readBody(
      context,
      z.object({
        repository_ids: z.array(z.number()).optional(),
        permissions: z.record(z.string(), z.string()).optional(),
      }),
    );
    const request = {
      ...(asked.repository_ids && { repository_ids: asked.repository_ids }),
      ...(asked.permissions && { permissions: asked.permissions }),
    };
    return context.json(
      tokenShape(state, mintToken(state, request), (repository) => repositoryShape(state, repository)),
      201,
    );
  });
  app.delete('/installation/token', (context) => {
    requireToken(state, authorization(context)).revoked = true;
    return context.body(null, 204);
  });

  const repo = '/repos/:owner/:repo';
  app.get(repo, (context) => context.json(repositoryShape(state, within(context, 'metadata', 'read'))));
  app.get(`${repo}/collaborators/:login/permission`, (context) => {
    const repository = within(context, 'metadata', 'read');
    const login = context.req.param('login');
    const user = state.users.get(login);
    if (!user) throw new Refusal(404, `${login} is not a user`);
    const role = repository.roles.get(login) ?? 'read';
    const permission = role === 'maintain' ? 'write' : role === 'triage' ? 'read' : role;
    return context.json({ permission, role_name: role, user: { ...userShape(state, user), role_name: role } });
  });
  app.get(`${repo}/branches/:branch{.+}`, async (context) => {
    const repository = within(context, 'contents', 'read');
    const name = context.req.param('branch');
    const sha = await readRef(repository.folder, `refs/heads/${name}`);
    if (!sha) throw new Refusal(404, 'Branch not found');
    const url = `${state.url}/api/v3/repos/${repository.owner}/${repository.name}`;
    const web = `${state.url}/${repository.owner}/${repository.name}`;
    const commit = await commitShape(state, repository, sha);
    return context.json({
      name,
      commit: {
        sha,
        node_id: commit.node_id,
        url: commit.url,
        html_url: `${web}/commit/${sha}`,
        comments_url: `${url}/commits/${sha}/comments`,
        commit: { ...commit, comment_count: 0, tree: commit.tree },
        author: null,
        committer: null,
        parents: commit.parents,
      },
      _links: { html: `${web}/tree/${name}`, self: `${url}/branches/${name}` },
      protected: false,
      protection: {},
      protection_url: `${url}/branches/${name}/protection`,
    });
  });

  app.get(`${repo}/git/ref/:ref{.+}`, async (context) => {
    const repository = within(context, 'contents', 'read');
    const ref = `refs/${context.req.param('ref')}`;
    const sha = await readRef(repository.folder, ref);
    if (!sha) throw new Refusal(404, 'Not Found');
    return context.json(refShape(state, repository, ref, sha));
  });
  app.post(`${repo}/git/refs`, async (context) => {
    const repository = within(context, 'contents', 'write');
    const { ref, sha } = await readBody(context, z.object({ ref: z.string(), sha: z.string() }));
    if (await readRef(repository.folder, ref)) throw new Refusal(422, 'Reference already exists');
    if (!(await readCommit(repository.folder, sha))) throw new Refusal(422, 'Object does not exist');
    await git(repository.folder, ['update-ref', ref, sha]);
    return context.json(refShape(state, repository, ref, sha), 201);
  });
  app.get(`${repo}/git/commits/:sha`, async (context) => {
    const repository = within(context, 'contents', 'read');
    return context.json(await commitShape(state, repository, context.req.param('sha')));
  });
  app.post(`${repo}/git/commits`, async (context) => {
    const repository = within(context, 'contents', 'write');
    const { message, tree, parents } = await readBody(
      context,
      z.object({ message: z.string(), tree: z.string(), parents: z.array(z.string()) }),
    );
    const { id, login } = appUser(state);
    const name = {
      GIT_AUTHOR_NAME: login,
      GIT_AUTHOR_EMAIL: `${id}+${login}@users.noreply.localhost`,
      GIT_COMMITTER_NAME: 'GitHub',
      GIT_COMMITTER_EMAIL: 'noreply@localhost',
    };
    const sha = await git(repository.folder, ['commit-tree', tree, ...parents.flatMap((parent) => ['-p', parent])], {
      input: message,
      env: name,
    });
    return context.json(await commitShape(state, repository, sha), 201);
  });
  app.post(`${repo}/git/blobs`, async (context) => {
    const repository = within(context, 'contents', 'write');
    const { content, encoding } = await readBody(
      context,
      z.object({ content: z.string(), encoding: z.string().default('utf-8') }),
    );
    const bytes = Buffer.from(content, encoding === 'base64' ? 'base64' : 'utf8');
    const sha = await git(repository.folder, ['hash-object', '-w', '--stdin'], { input: bytes });
    return context.json({ url: `${apiOf(state, repository)}/git/blobs/${sha}`, sha }, 201);
  });
  app.post(`${repo}/git/trees`, async (context) => {
    const repository = within(context, 'contents', 'write');
    const Entry = z.object({
      path: z.string(),
      mode: z.string(),
      type: z.string(),
      content: z.string().optional(),
      sha: z.string().nullable().optional(),
    });
    const { tree, base_tree } = await readBody(
      context,
      z.object({ tree: z.array(Entry), base_tree: z.string().optional() }),
    );
    const sha = await writeTree(repository, base_tree, tree);
    return context.json(await treeShape(state, repository, sha), 201);
  });

  const issueAt = (repository: Repository, number: string | undefined): Issue => {
    const found = repository.issues.get(Number(number)) ?? repository.pulls.get(Number(number));
    if (!found) throw new Refusal(404, 'Not Found');
    return found;
  };
  const commentAt = (repository: Repository, id: string | undefined) => {
    for (const issue of [...repository.issues.values(), ...repository.pulls.values()]) {
      const comment = issue.comments.find((each) => each.id === Number(id));
      if (comment) return { issue, comment };
    }
    throw new Refusal(404, 'Not Found');
  };
  app.get(`${repo}/issues/:number{\\d+}`, (context) => {
    // Public repositories' issues can be read without a token, as on the real one.
    const { owner, repo: name } = context.req.param();
    const open = state.repositories.find((each) => each.owner === owner && each.name === name);
    const repository = !authorization(context) && open ? open : within(context, 'issues', 'read');
    return context.json(issueShape(state, repository, issueAt(repository, context.req.param('number'))));
  });
  app.get(`${repo}/issues/:number{\\d+}/timeline`, (context) => {
    const repository = within(context, 'issues', 'read');
    const events = issueAt(repository, context.req.param('number')).timeline;
    return context.json(page(context, events).map((event) => timelineShape(state, repository, event)));
  });
  app.get(`${repo}/issues/:number{\\d+}/comments`, (context) => {
    const repository = within(context, 'issues', 'read');
    const issue = issueAt(repository, context.req.param('number'));
    const since = context.req.query('since');
    const comments = issue.comments.filter(
      (comment) => !since || Date.parse(comment.updatedAt) >= Math.floor(Date.parse(since) / 1000) * 1000,
    );
    return context.json(page(context, comments).map((comment) => commentShape(state, repository, issue, comment)));
  });
  app.post(`${repo}/issues/:number{\\d+}/comments`, async (context) => {
    const repository = within(context, 'issues', 'write');
    const issue = issueAt(repository, context.req.param('number'));
    const { body } = await readBody(context, z.object({ body: z.string().min(1).max(65_536) }));
    const comment = addComment(state, issue, { user: appUser(state), body, byApp: true });
    echo.commented(repository, issue, comment);
    return context.json(commentShape(state, repository, issue, comment), 201);
  });
  app.get(`${repo}/issues/comments/:id`, (context) => {
    const repository = within(context, 'issues', 'read');
    const { issue, comment } = commentAt(repository, context.req.param('id'));
    return context.json(commentShape(state, repository, issue, comment));
  });
  app.patch(`${repo}/issues/comments/:id`, async (context) => {
    const repository = within(context, 'issues', 'write');
    const { issue, comment } = commentAt(repository, context.req.param('id'));
    comment.body = (await readBody(context, z.object({ body: z.string().min(1).max(65_536) }))).body;
    comment.updatedAt = stamp(state.now());
    return context.json(commentShape(state, repository, issue, comment));
  });
  const react = async (context: Context, target: { reactions: Issue['reactions'] }) => {
    const { content } = await readBody(
      context,
      z.object({ content: z.enum(['+1', '-1', 'laugh', 'confused', 'heart', 'hooray', 'rocket', 'eyes']) }),
    );
    const { reaction, isNew } = addReaction(state, target.reactions, appUser(state), content);
    return context.json(reactionShape(state, reaction), isNew ? 201 : 200);
  };
  app.post(`${repo}/issues/:number{\\d+}/reactions`, async (context) => {
    const repository = within(context, 'issues', 'write');
    return await react(context, issueAt(repository, context.req.param('number')));
  });
  app.post(`${repo}/issues/comments/:id/reactions`, async (context) => {
    const repository = within(context, 'issues', 'write');
    return await react(context, commentAt(repository, context.req.param('id')).comment);
  });

  app.get(`${repo}/pulls`, async (context) => {
    const repository = within(context, 'pull_requests', 'read');
    const head = context.req.query('head');
    const wanted = context.req.query('state') ?? 'open';
    const found = [...repository.pulls.values()].filter(
      (pull) => (!head || head === `${repository.owner}:${pull.head}`) && (wanted === 'all' || pull.state === wanted),
    );
    return context.json(await Promise.all(page(context, found).map((pull) => pullWithFacts(state, repository, pull))));
  });
  app.post(`${repo}/pulls`, async (context) => {
    const repository = within(context, 'pull_requests', 'write');
    const asked = await readBody(
      context,
      z.object({
        title: z.string().min(1).max(256),
        head: z.string(),
        base: z.string(),
        body: z.string().max(65_536).optional(),
        draft: z.boolean().optional(),
      }),
    );
    const pull = await openPull(state, repository, asked);
    return context.json(await pullWithFacts(state, repository, pull), 201);
  });
  return app;
}

const docs = 'https://docs.github.com/rest';

function apiOf(state: State, { owner, name }: Repository): string {
  return `${state.url}/api/v3/repos/${owner}/${name}`;
}

async function readBody<T>(context: Context, schema: z.ZodType<T>): Promise<T> {
  const parsed = schema.safeParse(await context.req.json().catch(() => ({})));
  if (parsed.success) return parsed.data;
  throw new Refusal(
    422,
    'Validation Failed',
    parsed.error.issues.map((issue) => ({ resource: 'Request', field: issue.path.join('.'), code: 'invalid' })),
  );
}

function page<T>(context: Context, items: readonly T[]): T[] {
  const size = Math.min(100, Number(context.req.query('per_page') ?? 30));
  const from = (Number(context.req.query('page') ?? 1) - 1) * size;
  return items.slice(from, from + size);
}

function refShape(state: State, repository: Repository, ref: string, sha: string) {
  const url = apiOf(state, repository);
  return {
    ref,
    node_id: `REF_${ref}`,
    url: `${url}/git/${ref}`,
    object: { type: 'commit', sha, url: `${url}/git/commits/${sha}` },
  };
}

async function commitShape(state: State, repository: Repository, name: string) {
  const commit = await readCommit(repository.folder, name);
  if (!commit) throw new Refusal(404, 'Not Found');
  const url = `${apiOf(state, repository)}/git`;
  const html = `${state.url}/${repository.owner}/${repository.name}/commit`;
  const person = { name: commit.author, email: commit.email, date: stamp(new Date(commit.date)) };
  return {
    sha: commit.sha,
    node_id: `C_${commit.sha}`,
    url: `${url}/commits/${commit.sha}`,
    html_url: `${html}/${commit.sha}`,
    author: person,
    committer: person,
    tree: { sha: commit.tree, url: `${url}/trees/${commit.tree}` },
    message: commit.message,
    parents: commit.parents.map((sha) => ({ sha, url: `${url}/commits/${sha}`, html_url: `${html}/${sha}` })),
    verification: {
      verified: commit.author.endsWith('[bot]'),
      reason: commit.author.endsWith('[bot]') ? 'valid' : 'unsigned',
      signature: null,
      payload: null,
      verified_at: null,
    },
  };
}

async function writeTree(
  repository: Repository,
  base: string | undefined,
  entries: readonly { path: string; mode: string; content?: string | undefined; sha?: string | null | undefined }[],
): Promise<string> {
  const env = { GIT_INDEX_FILE: `${repository.folder}/api-index-${process.hrtime.bigint()}` };
  try {
    await git(repository.folder, base ? ['read-tree', base] : ['read-tree', '--empty'], { env });
    for (const { path, mode, content, sha } of entries) {
      if (sha === null) {
        await git(repository.folder, ['update-index', '--force-remove', '--', path], { env });
        continue;
      }
      const blob =
        sha ??
        (await git(repository.folder, ['hash-object', '-w', '--stdin'], { input: Buffer.from(content ?? '', 'utf8') }));
      await git(repository.folder, ['update-index', '--add', '--cacheinfo', `${mode},${blob},${path}`], { env });
    }
    return await git(repository.folder, ['write-tree'], { env });
  } finally {
    await gitBytes(repository.folder, ['rev-parse', '--git-dir']).then(() =>
      import('node:fs/promises').then(({ rm }) => rm(env.GIT_INDEX_FILE, { force: true })),
    );
  }
}

async function treeShape(state: State, repository: Repository, sha: string) {
  const lines = (await git(repository.folder, ['ls-tree', '-z', sha])).split('\0').filter(Boolean);
  const tree = lines.map((line) => {
    const [about = '', path = ''] = line.split('\t');
    const [mode = '', type = '', blob = ''] = about.split(' ');
    return { path, mode, type, sha: blob, url: `${apiOf(state, repository)}/git/${type}s/${blob}` };
  });
  return { sha, url: `${apiOf(state, repository)}/git/trees/${sha}`, tree, truncated: false };
}

async function pullWithFacts(state: State, repository: Repository, pull: PullRequest) {
  const headSha = (await readRef(repository.folder, `refs/heads/${pull.head}`)) ?? pull.baseSha;
  const numbers = (await git(repository.folder, ['diff', '--numstat', `${pull.baseSha}...${headSha}`]))
    .split('\n')
    .filter(Boolean)
    .map((line) => line.split('\t').map(Number));
  const commits = Number(await git(repository.folder, ['rev-list', '--count', `${pull.baseSha}..${headSha}`]));
  const sum = (column: number) => numbers.reduce((total, row) => total + (row[column] || 0), 0);
  return pullShape(state, repository, pull, {
    headSha,
    commits,
    additions: sum(0),
    deletions: sum(1),
    files: numbers.length,
  });
}

async function openPull(
  state: State,
  repository: Repository,
  asked: { title: string; head: string; base: string; body?: string | undefined; draft?: boolean | undefined },
): Promise<PullRequest> {
  const head = asked.head.replace(`${repository.owner}:`, '');
  const invalid = (message: string) =>
    new Refusal(422, 'Validation Failed', [{ resource: 'PullRequest', code: 'custom', message }]);
  const headSha = await readRef(repository.folder, `refs/heads/${head}`);
  const baseSha = await readRef(repository.folder, `refs/heads/${asked.base}`);
  if (!headSha || !baseSha)
    throw new Refusal(422, 'Validation Failed', [
      { resource: 'PullRequest', field: headSha ? 'base' : 'head', code: 'invalid' },
    ]);
  if (
    [...repository.pulls.values()].some(
      (pull) => pull.head === head && pull.base === asked.base && pull.state === 'open',
    )
  )
    throw invalid(`A pull request already exists for ${repository.owner}:${head}.`);
  if ((await git(repository.folder, ['rev-list', '--count', `${baseSha}..${headSha}`])) === '0')
    throw invalid(`No commits between ${asked.base} and ${head}`);
  const now = stamp(state.now());
  const pull: PullRequest = {
    id: state.nextId(),
    number: repository.issues.size + repository.pulls.size + 1,
    title: asked.title,
    body: asked.body ?? '',
    user: appUser(state),
    state: 'open',
    labels: [],
    comments: [],
    reactions: [],
    timeline: [],
    createdAt: now,
    updatedAt: now,
    draft: asked.draft ?? false,
    head,
    base: asked.base,
    baseSha,
  };
  repository.pulls.set(pull.number, pull);
  return pull;
}
