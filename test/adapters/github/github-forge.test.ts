import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { gitHubForge } from '../../../src/adapters/github/github-forge.ts';
import { OutsideError } from '../../../src/core/errors.ts';
import type { ChangedFile } from '../../../src/core/patch.ts';
import type { Forge } from '../../../src/core/ports.ts';
import type { Task } from '../../../src/core/task.ts';
import { appId, base, privateKey, startTinyGitHub } from './tiny-github.ts';

const task: Task = {
  kind: 'issue',
  repository: { id: 99, owner: 'octo', name: 'hello', installation: 5, defaultBranch: 'main' },
  issue: { number: 12, title: 'It breaks', body: '', author: 'bob', url: 'https://evil.example/issues/12' },
  askedBy: { id: 7, login: 'alice' },
  askedAt: '2026-03-01T10:00:00Z',
  request: { kind: 'label', label: 'devstral', issueUpdatedAt: '2026-03-01T10:00:00Z' },
};
const commentTask: Task = { ...task, request: { kind: 'comment', commentId: 34, instructions: '' } };
const { signal } = new AbortController();

let gitHub: Awaited<ReturnType<typeof startTinyGitHub>>;
let forge: Forge;
let slept: number[];

beforeEach(async () => {
  gitHub = await startTinyGitHub();
  slept = [];
  forge = gitHubForge({
    appId,
    privateKey,
    baseUrl: gitHub.url,
    webUrl: 'https://github.example',
    log: pino({ level: 'silent' }),
    requestTimeoutMs: 300,
    sleep: async (ms) => void slept.push(ms),
  });
});

afterEach(() => gitHub[Symbol.asyncDispose]());

function pathsOf(method: string): string[] {
  return gitHub.requests.filter((each) => each.method === method).map(({ path }) => path);
}

describe('who may ask', () => {
  it.each([
    ['admin', 'admin', true],
    ['write', 'maintain', true],
    ['write', 'write', true],
    ['write', 'deployers', true],
    ['read', 'triage', false],
    ['read', 'read', false],
    ['none', 'none', false],
  ])('permission %s as %s: %s', async (permission, role_name, may) => {
    gitHub.state.permission = { permission, role_name, user: { id: 7, login: 'alice' } };

    expect(await forge.mayWrite(task, signal)).toBe(may);
  });

  it.each([
    ['nobody by that name', null],
    [
      'another person who has the name now',
      { permission: 'admin', role_name: 'admin', user: { id: 8, login: 'alice' } },
    ],
    ['an account that is gone', { permission: 'admin', role_name: 'admin', user: null }],
  ])('is not %s', async (_, permission) => {
    gitHub.state.permission = permission;

    expect(await forge.mayWrite(task, signal)).toBe(false);
  });

  it.each([
    ['an outage', { kind: 'status', status: 502 }, 'soon'],
    ['a reset connection', { kind: 'refused' }, 'soon'],
    ['silence', { kind: 'silent' }, 'soon'],
    ['half an answer', { kind: 'cut' }, 'soon'],
    ['an answer of another shape', { kind: 'status', status: 200, body: { yes: true } }, 'soon'],
    ['a missing permission', { kind: 'status', status: 403 }, 'never'],
    ['a token refused', { kind: 'status', status: 401 }, 'never'],
  ] as const)('is not decided by %s', async (_, how, retry) => {
    gitHub.fail({ method: 'GET', path: /permission/, times: 9, how });

    await expect(forge.mayWrite(task, signal)).rejects.toMatchObject({ name: 'OutsideError', retry });
  });

  it('is not answered no because the installation is gone', async () => {
    gitHub.fail({ method: 'POST', path: /access_tokens/, how: { kind: 'status', status: 404 } });

    await expect(forge.mayWrite(task, signal)).rejects.toMatchObject({ retry: 'never' });
  });
});

describe('tokens', () => {
  it('are minted for one repository and what the call needs, and revoked after it', async () => {
    await forge.mayWrite(task, signal);
    await forge.putStatus({ task, run: 'r1', known: null, body: 'Hello' }, signal);

    const minted = gitHub.requests.filter(({ path }) => path === '/app/installations/5/access_tokens');
    expect(minted.map(({ body }) => body)).toEqual([
      { repository_ids: [99], permissions: { metadata: 'read' } },
      { repository_ids: [99], permissions: { issues: 'write' } },
    ]);
    expect(minted.every(({ authorization }) => /^bearer ey/i.test(authorization))).toBe(true);
    expect(gitHub.tokens.size).toBe(0);
  });

  it('are revoked when the call fails', async () => {
    gitHub.fail({ method: 'GET', path: /permission/, how: { kind: 'status', status: 403 } });

    await expect(forge.mayWrite(task, signal)).rejects.toThrow(OutsideError);

    expect(gitHub.tokens.size).toBe(0);
  });

  it('that cannot be revoked fail nothing', async () => {
    gitHub.fail({ method: 'DELETE', path: /token/, how: { kind: 'status', status: 500 } });

    expect(await forge.mayWrite(task, signal)).toBe(true);
  });

  it('lead to where a renamed repository is now', async () => {
    gitHub.state.mintedFor = { id: 99, name: 'hi', owner: { login: 'octo-corp' } };

    const access = await forge.cloneAccess(task.repository, signal);

    expect(access.url).toBe('https://github.example/octo-corp/hi.git');
  });

  it('for cloning may read the contents of one repository, and stay out of the address', async () => {
    const { url, authorization } = await forge.cloneAccess(task.repository, signal);

    expect(url).toBe('https://github.example/octo/hello.git');
    expect(gitHub.requests[0]?.body).toEqual({ repository_ids: [99], permissions: { contents: 'read' } });
    const [token] = gitHub.tokens;
    expect(authorization).toBe(`Basic ${Buffer.from(`x-access-token:${token}`).toString('base64')}`);
  });
});

describe('failures', () => {
  it.each([
    ['a secondary limit with its time', 403, { 'retry-after': '42' }, {}, 42_000],
    ['a 429 without a time', 429, {}, {}, 60_000],
    ['a secondary limit in words only', 403, {}, { message: 'You have exceeded a secondary rate limit.' }, 60_000],
    [
      'the primary limit, by GitHub’s own clock',
      403,
      { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': '1772359900', date: 'Sun, 01 Mar 2026 10:00:00 GMT' },
      {},
      700_000,
    ],
    ['an outage that names its end', 503, { 'retry-after': '9' }, {}, 9_000],
  ] as const)('wait for %s, and ask nothing more meanwhile', async (_, status, headers, body, waitMs) => {
    gitHub.fail({ method: 'GET', path: /permission/, times: 9, how: { kind: 'status', status, headers, body } });

    await expect(forge.mayWrite(task, signal)).rejects.toMatchObject({ retry: 'later', waitMs });

    expect(pathsOf('GET')).toHaveLength(1);
  });

  it('of a read are tried again twice, with a pause', async () => {
    gitHub.fail({ method: 'GET', path: /permission/, times: 2, how: { kind: 'status', status: 502 } });

    expect(await forge.mayWrite(task, signal)).toBe(true);

    expect(slept).toEqual([500, 2_000]);
  });

  it('say what GitHub said and what to do', async () => {
    const body = { message: 'Resource not accessible by integration' };
    gitHub.fail({ method: 'POST', path: /comments/, how: { kind: 'status', status: 403, body } });

    const putting = forge.putStatus({ task, run: 'r1', known: null, body: 'Hello' }, signal);

    await expect(putting).rejects.toThrow(
      /403 to a comment on issue 12: Resource not accessible by integration \(check the app’s permissions/,
    );
  });

  it('give way to the signal, with its reason', async () => {
    const stop = new AbortController();
    gitHub.fail({ method: 'GET', path: /permission/, how: { kind: 'silent' } });
    const asking = forge.mayWrite(task, stop.signal);

    stop.abort(new Error('The lease is lost'));

    await expect(asking).rejects.toThrow('The lease is lost');
  });
});

describe('the name of a request', () => {
  const labeled = (id: number, created_at: string, change: Record<string, unknown> = {}) => ({
    id,
    event: 'labeled',
    created_at,
    actor: { id: 7 },
    label: { name: 'devstral' },
    ...change,
  });

  it('is the timeline entry of the label that was put there at that time', async () => {
    gitHub.state.timeline = [
      labeled(1, '2026-02-01T10:00:00Z'),
      { event: 'committed', sha: 'abc' },
      labeled(2, '2026-03-01T10:00:00Z'),
      labeled(3, '2026-03-01T10:00:00Z', { actor: { id: 8 } }),
      labeled(4, '2026-03-01T10:00:00Z', { label: { name: 'bug' } }),
      labeled(5, '2026-03-01T10:00:00Z', { event: 'unlabeled' }),
      labeled(6, '2026-03-01T10:00:30Z'),
      { event: 'cross-referenced', actor: null, source: {} },
    ];

    expect(await forge.identify(task, signal)).toBe('labeled:99:2');
  });

  it('is found on a later page of a long timeline', async () => {
    const talk = Array.from({ length: 250 }, (_, id) => ({ id, event: 'commented', actor: { id: 7 } }));
    gitHub.state.timeline = [...talk, labeled(900, '2026-03-01T10:00:00Z')];

    expect(await forge.identify(task, signal)).toBe('labeled:99:900');
  });

  it('is not that of an earlier time the label was put there', async () => {
    gitHub.state.timeline = [labeled(1, '2026-02-01T10:00:00Z')];

    expect(await forge.identify(task, signal)).toBeNull();
  });

  it('is nothing more than the comment’s own id, and asks GitHub nothing', async () => {
    expect(await forge.identify(commentTask, signal)).toBeNull();

    expect(gitHub.requests).toEqual([]);
  });
});

describe('the base', () => {
  it('is the newest commit of what the API says is the default branch', async () => {
    gitHub.state.repository = { default_branch: 'trunk/next', archived: false };
    gitHub.state.refs.set('trunk/next', base);

    expect(await forge.base(task, signal)).toEqual({ branch: 'trunk/next', commit: base });
  });

  it.each([
    ['an empty repository', { default_branch: 'main', archived: false }, /no commit on its default branch main/],
    ['an archived repository', { default_branch: 'main', archived: true }, /archived/],
  ])('is refused for %s', async (_, repository, message) => {
    gitHub.state.repository = repository;

    await expect(forge.base(task, signal)).rejects.toThrow(message);
    await expect(forge.base(task, signal)).rejects.toMatchObject({ retry: 'never' });
  });
});

describe('a reaction', () => {
  it.each([
    ['acknowledge', task, '/repos/octo/hello/issues/12/reactions', 'eyes'],
    ['acknowledge', commentTask, '/repos/octo/hello/issues/comments/34/reactions', 'eyes'],
    ['refuse', task, '/repos/octo/hello/issues/12/reactions', 'confused'],
    ['refuse', commentTask, '/repos/octo/hello/issues/comments/34/reactions', 'confused'],
  ] as const)('to %s goes where was asked', async (method, asked, path, content) => {
    await forge[method](asked, signal);

    expect(gitHub.writes()).toMatchObject([{ method: 'POST', path, body: { content } }]);
  });

  it('to a comment that was deleted is none', async () => {
    gitHub.fail({ method: 'POST', path: /reactions/, how: { kind: 'status', status: 404 } });

    await expect(forge.acknowledge(commentTask, signal)).resolves.toBeUndefined();
  });
});

describe('the status comment', () => {
  const put = (body: string, known: number | null = null, run = 'r1') =>
    forge.putStatus({ task, run, known, body }, signal);

  it('is made once and edited after that', async () => {
    const first = await put('Working');
    const second = await put('Done', first);

    expect(second).toBe(first);
    expect(gitHub.state.comments).toHaveLength(1);
    expect(gitHub.state.comments[0]?.body).toMatch(/^<!-- devstral:run:r1 [0-9a-f]{32} -->\nDone$/);
  });

  it('is found by its mark when its id is not known', async () => {
    const first = await put('Working');

    expect(await put('Done')).toBe(first);
    expect(gitHub.state.comments).toHaveLength(1);
  });

  it('is left alone when it says the same already', async () => {
    const first = await put('Working');
    const writes = gitHub.writes().length;

    await put('Working', first);

    expect(gitHub.writes()).toHaveLength(writes);
  });

  it('is one of its own for each run', async () => {
    const first = await put('Working', null, 'r1');

    expect(await put('Working', null, 'r2')).not.toBe(first);
  });

  it('is made once when the answer to its making was lost', async () => {
    gitHub.fail({ method: 'POST', path: /comments$/, how: { kind: 'lost' } });

    const id = await put('Working');

    expect(gitHub.state.comments.map((each) => each.id)).toEqual([id]);
    expect(gitHub.writes()).toHaveLength(1);
  });

  it.each([
    ['was refused', { kind: 'refused' }],
    ['failed with 502', { kind: 'status', status: 502 }],
  ] as const)('is not asked for again when its making %s, but left for later', async (_, how) => {
    gitHub.fail({ method: 'POST', path: /comments$/, how });

    await expect(put('Working')).rejects.toMatchObject({ retry: 'soon' });

    expect(gitHub.writes()).toHaveLength(1);
    expect(slept).toEqual([500, 1_500, 3_000]);
  });

  it('is made anew when somebody deleted it', async () => {
    const first = await put('Working');
    gitHub.state.comments.length = 0;

    await put('Done', first);

    expect(gitHub.state.comments).toMatchObject([{ body: expect.stringContaining('Done') }]);
  });

  it('is never one that somebody else made look like it', async () => {
    const ours = await put('Working');
    const mark = String(gitHub.state.comments[0]?.body).split('\n')[0];
    const other = mark?.replace(/[0-9a-f]{32}/, '0'.repeat(32));
    gitHub.state.comments = [
      { id: 1, body: `${mark}\nby hand`, performed_via_github_app: null },
      { id: 2, body: `${mark}\nby another app`, performed_via_github_app: { id: appId + 1 } },
      { id: 3, body: `${other}\nwith a forged seal`, performed_via_github_app: { id: appId } },
      { id: 4, body: `quoting ${mark}`, performed_via_github_app: { id: appId } },
      { id: 5, body: null, performed_via_github_app: { id: appId } },
    ];

    const id = await put('Done');

    expect(ours).toBe(1000);
    expect(id).toBe(1005);
    expect(gitHub.state.comments.slice(0, 5).map((each) => each.body)).not.toContain(`${mark}\nDone`);
  });
});

describe('the commit', () => {
  const file = (path: string, content: Buffer | null, mode = '100644'): ChangedFile => ({
    path,
    mode,
    contentBase64: content?.toString('base64') ?? null,
    added: 1,
    removed: 1,
  });
  const files = [file('a.js', Buffer.from('let ä = 1;\r\n')), file('gone.js', null)];
  const publish = (changed: readonly ChangedFile[] = files) =>
    forge.publishCommit(
      { task, branch: 'devstral/issue-12-r1', baseCommit: base, message: 'Fix it', files: changed },
      signal,
    );

  it('is one tree on the base’s, one commit without author, one new branch', async () => {
    const { commit } = await publish();

    expect(gitHub.writes().map(({ path, body }) => [path.split('/').at(-1), body])).toEqual([
      [
        'trees',
        {
          base_tree: 'tree-of-base',
          tree: [
            { path: 'a.js', mode: '100644', type: 'blob', content: 'let ä = 1;\r\n' },
            { path: 'gone.js', mode: '100644', type: 'blob', sha: null },
          ],
        },
      ],
      ['commits', { message: 'Fix it', tree: expect.stringMatching(/^tree-/), parents: [base] }],
      ['refs', { ref: 'refs/heads/devstral/issue-12-r1', sha: commit }],
    ]);
    expect(gitHub.state.refs.get('devstral/issue-12-r1')).toBe(commit);
  });

  it.each([
    ['a picture', Buffer.from([0x89, 0x50, 0x4e, 0x47, 0xff])],
    ['text with a NUL', Buffer.from('a\0b')],
    ['Latin-1', Buffer.from('ä', 'latin1')],
    ['nothing', Buffer.alloc(0)],
    ['a long text', Buffer.alloc(1024 * 1024 + 1, 'a')],
  ])('carries %s as a blob', async (_, content) => {
    await publish([file('x', content, '100755')]);

    const [blob, tree] = gitHub.writes();
    expect(blob).toMatchObject({
      path: '/repos/octo/hello/git/blobs',
      body: { encoding: 'base64', content: content.toString('base64') },
    });
    expect(tree?.body.tree).toEqual([
      { path: 'x', mode: '100755', type: 'blob', sha: expect.stringMatching(/^blob-/) },
    ]);
  });

  it('keeps a byte order mark in inline text', async () => {
    await publish([file('x', Buffer.from('\uFEFFa'))]);

    expect(gitHub.writes()[0]?.body.tree).toMatchObject([{ content: '\uFEFFa' }]);
  });

  it('refuses a link', async () => {
    await expect(publish([file('x', Buffer.from('/etc/passwd'), '120000')])).rejects.toMatchObject({ retry: 'never' });

    expect(gitHub.writes()).toEqual([]);
  });

  it('is found again when it is asked for twice', async () => {
    const first = await publish();

    const second = await publish();

    expect(second).toEqual(first);
    expect(gitHub.writes().filter(({ path }) => path.endsWith('/refs'))).toHaveLength(1);
  });

  it('is not made over a branch of that name with another content', async () => {
    await publish();

    const other = publish([file('a.js', Buffer.from('let b = 2;'))]);

    await expect(other).rejects.toMatchObject({ retry: 'never', message: expect.stringContaining('exists already') });
  });

  it('is not taken for ours when it stands on another base', async () => {
    const { commit } = await publish();
    const made = gitHub.state.commits.get(commit);
    gitHub.state.commits.set(commit, { tree: made?.tree ?? '', parents: ['another'] });

    await expect(publish()).rejects.toMatchObject({ retry: 'never' });
  });

  it('makes its branch once when the answer was lost', async () => {
    gitHub.fail({ method: 'POST', path: /refs$/, how: { kind: 'lost' } });

    const { commit } = await publish();

    expect(gitHub.state.refs.get('devstral/issue-12-r1')).toBe(commit);
    expect(gitHub.writes().filter(({ path }) => path.endsWith('/refs'))).toHaveLength(1);
  });

  it('names the rule that forbids it', async () => {
    const message =
      'refusing to allow a GitHub App to create or update workflow `.github/workflows/ci.yml` without `workflows` permission';
    gitHub.fail({ method: 'POST', path: /refs$/, how: { kind: 'status', status: 422, body: { message } } });

    await expect(publish()).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringContaining('without `workflows` permission'),
    });
  });
});

describe('the pull request', () => {
  const request = {
    task,
    branch: 'devstral/issue-12-r1',
    base: 'main',
    title: 'Fix it',
    body: 'Fixes #12',
    draft: true,
  };
  const open = () => forge.openPullRequest(request, signal);

  it('is opened from the branch', async () => {
    const opened = await open();

    expect(opened).toEqual({ number: 50, url: 'https://github.com/octo/hello/pull/50' });
    expect(gitHub.writes()).toMatchObject([
      {
        path: '/repos/octo/hello/pulls',
        body: { head: 'devstral/issue-12-r1', base: 'main', title: 'Fix it', body: 'Fixes #12', draft: true },
      },
    ]);
  });

  it.each(['open', 'closed'])('is the one there is, if it is %s', async (state) => {
    const first = await open();
    Object.assign(gitHub.state.pulls[0] ?? {}, { state });

    expect(await open()).toEqual(first);
    expect(gitHub.state.pulls).toHaveLength(1);
  });

  it('is never that of a fork’s branch of the same name', async () => {
    const head = { ref: request.branch, repo: { id: 100 }, user: { login: 'octo' } };
    gitHub.state.pulls = [{ number: 3, html_url: 'https://github.com/x', state: 'open', head }];

    expect((await open()).number).toBe(51);
  });

  it('is opened once when the answer was lost', async () => {
    gitHub.fail({ method: 'POST', path: /pulls$/, how: { kind: 'lost' } });

    expect((await open()).number).toBe(50);
    expect(gitHub.writes()).toHaveLength(1);
  });

  it('says why GitHub will not have it', async () => {
    const body = {
      message: 'Validation Failed',
      errors: [
        { resource: 'PullRequest', code: 'custom', message: 'No commits between main and devstral/issue-12-r1' },
      ],
    };
    gitHub.fail({ method: 'POST', path: /pulls$/, how: { kind: 'status', status: 422, body } });

    await expect(open()).rejects.toMatchObject({
      retry: 'never',
      message: expect.stringContaining('Validation Failed; No commits between main and devstral/issue-12-r1'),
    });
  });
});

describe('addresses', () => {
  it('of a payload are never followed', async () => {
    await forge.mayWrite(task, signal);
    await forge.putStatus({ task, run: 'r1', known: null, body: 'Hello' }, signal);

    expect(gitHub.requests.every(({ path }) => /^\/(repos\/octo\/hello|app|installation)\b/.test(path))).toBe(true);
  });
});
