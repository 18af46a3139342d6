import { createHash, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** What happens to the next requests that match: `lost` drops the connection after the write was done. */
export interface Fault {
  readonly method: string;
  readonly path: RegExp;
  readonly times?: number;
  readonly how:
    | { kind: 'status'; status: number; headers?: Record<string, string>; body?: unknown }
    | { kind: 'lost' | 'refused' | 'silent' | 'cut' };
}

interface Sent {
  readonly method: string;
  readonly path: string;
  readonly body: Record<string, unknown>;
  readonly authorization: string;
}

type Item = Record<string, unknown>;
type Handler = (body: Item, match: string[], query: URLSearchParams) => { status?: number; data?: unknown };

export const appId = 4711;
export const privateKey = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
}).privateKey;

/** Just enough of GitHub to see what the forge asks, and to break any answer: the whole of it is the simulator's part. */
export async function startTinyGitHub() {
  const state = {
    permission: { permission: 'write', role_name: 'write', user: { id: 7, login: 'alice' } } as Item | null,
    repository: { default_branch: 'main', archived: false } as Item,
    timeline: [] as Item[],
    comments: [] as Item[],
    pulls: [] as Item[],
    refs: new Map<string, string>(),
    commits: new Map<string, { tree: string; parents: string[] }>([[base, { tree: 'tree-of-base', parents: [] }]]),
    mintedFor: { id: 99, name: 'hello', owner: { login: 'octo' } } as Item | null,
  };
  const requests: Sent[] = [];
  const faults: (Fault & { left: number })[] = [];
  const tokens = new Set<string>();

  const page = (items: readonly Item[], query: URLSearchParams) => {
    const size = Number(query.get('per_page') ?? 30);
    const from = (Number(query.get('page') ?? 1) - 1) * size;
    return { data: items.slice(from, from + size) };
  };
  const commitOf = (sha: string) => {
    const found = state.commits.get(sha);
    return found && { sha, tree: { sha: found.tree }, parents: found.parents.map((parent) => ({ sha: parent })) };
  };
  const found = (data: unknown) => (data ? { data } : { status: 404, data: { message: 'Not Found' } });
  const own = { performed_via_github_app: { id: appId } };
  const repo = '/repos/([^/]+)/([^/]+)';
  const routes: [string, string, Handler][] = [
    ['GET', `${repo}/collaborators/([^/]+)/permission`, () => found(state.permission)],
    ['GET', `${repo}`, () => ({ data: state.repository })],
    [
      'GET',
      `${repo}/branches/(.+)`,
      (_, [, , , branch = '']) => {
        const sha = state.refs.get(branch);
        return found(sha && { name: branch, commit: { sha } });
      },
    ],
    ['GET', `${repo}/issues/(\\d+)/timeline`, (_, __, query) => page(state.timeline, query)],
    ['GET', `${repo}/issues/(\\d+)/comments`, (_, __, query) => page(state.comments, query)],
    [
      'POST',
      `${repo}/issues/(\\d+)/comments`,
      (body) => {
        const comment = { id: 1000 + state.comments.length, body: body.body, ...own };
        state.comments.push(comment);
        return { status: 201, data: comment };
      },
    ],
    [
      'GET',
      `${repo}/issues/comments/(\\d+)`,
      (_, [, , , id]) => found(state.comments.find((each) => each.id === Number(id))),
    ],
    [
      'PATCH',
      `${repo}/issues/comments/(\\d+)`,
      (body, [, , , id]) => {
        const comment = state.comments.find((each) => each.id === Number(id));
        return found(comment && Object.assign(comment, { body: body.body }));
      },
    ],
    ['POST', `${repo}/issues/(\\d+)/reactions`, (body) => ({ status: 201, data: { id: 1, content: body.content } })],
    [
      'POST',
      `${repo}/issues/comments/(\\d+)/reactions`,
      (body) => ({ status: 201, data: { id: 1, content: body.content } }),
    ],
    ['GET', `${repo}/git/commits/(.+)`, (_, [, , , sha = '']) => found(commitOf(sha))],
    ['POST', `${repo}/git/blobs`, (body) => ({ status: 201, data: { sha: `blob-${hash(body)}` } })],
    ['POST', `${repo}/git/trees`, (body) => ({ status: 201, data: { sha: `tree-${hash(body)}` } })],
    [
      'POST',
      `${repo}/git/commits`,
      (body) => {
        const sha = hash({ ...body, at: state.commits.size });
        state.commits.set(sha, { tree: String(body.tree), parents: body.parents as string[] });
        return { status: 201, data: commitOf(sha) };
      },
    ],
    [
      'GET',
      `${repo}/git/ref/heads/(.+)`,
      (_, [, , , branch = '']) => {
        const sha = state.refs.get(branch);
        return found(sha && { ref: `refs/heads/${branch}`, object: { type: 'commit', sha } });
      },
    ],
    [
      'POST',
      `${repo}/git/refs`,
      (body) => {
        const branch = String(body.ref).replace('refs/heads/', '');
        if (state.refs.has(branch)) return { status: 422, data: { message: 'Reference already exists' } };
        state.refs.set(branch, String(body.sha));
        return { status: 201, data: { ref: body.ref, object: { type: 'commit', sha: body.sha } } };
      },
    ],
    [
      'GET',
      `${repo}/pulls`,
      (_, __, query) => {
        const [owner, ref] = String(query.get('head')).split(':');
        return page(
          state.pulls.filter(({ head }) => Object(head).ref === ref && Object(head).user.login === owner),
          query,
        );
      },
    ],
    [
      'POST',
      `${repo}/pulls`,
      (body, [, owner]) => {
        const number = 50 + state.pulls.length;
        const head = { ref: body.head, repo: { id: 99 }, user: { login: owner } };
        const pull = { number, html_url: `https://github.com/octo/hello/pull/${number}`, state: 'open', ...body, head };
        state.pulls.push(pull);
        return { status: 201, data: pull };
      },
    ],
    [
      'POST',
      '/app/installations/(\\d+)/access_tokens',
      () => {
        const token = `ghs_${tokens.size}_${requests.length}`;
        tokens.add(token);
        return {
          status: 201,
          data: {
            token,
            expires_at: '2036-01-01T00:00:00Z',
            ...(state.mintedFor && { repositories: [state.mintedFor] }),
          },
        };
      },
    ],
    ['DELETE', '/installation/token', () => ({ status: 204 })],
  ];

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://tiny');
    // Under a prefix, as on an Enterprise Server.
    const path = decodeURIComponent(url.pathname).replace(/^\/api\/v3/, '');
    const method = request.method ?? '';
    const raw = await text(request);
    const body: Item = raw ? JSON.parse(raw) : {};
    const authorization = request.headers.authorization ?? '';
    requests.push({ method, path, body, authorization });
    const fault = faults.find((each) => each.left > 0 && each.method === method && each.path.test(path));
    if (fault) fault.left -= 1;
    const how = fault?.how;
    if (how?.kind === 'silent') return;
    if (how?.kind === 'refused') return void request.socket.destroy();
    if (how?.kind === 'status')
      return send(response, how.status, how.body ?? { message: 'Broken on purpose' }, how.headers);
    const token = authorization.replace(/^token /, '');
    if (!path.startsWith('/app/') && !tokens.has(token)) return send(response, 401, { message: 'Bad credentials' });
    if (path === '/installation/token') tokens.delete(token);
    for (const [wanted, pattern, handler] of routes) {
      const match = wanted === method ? new RegExp(`^${pattern}$`).exec(path) : null;
      if (!match) continue;
      const { status = 200, data } = handler(body, [...match], url.searchParams);
      if (how?.kind === 'lost') return void request.socket.destroy();
      if (how?.kind === 'cut') return cut(response, JSON.stringify(data));
      return send(response, status, data);
    }
    send(response, 404, { message: `No such route: ${method} ${path}` });
  }

  const server = createServer((request, response) => void handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/api/v3`,
    state,
    requests,
    /** Tokens minted and not revoked. */
    tokens,
    fail: (fault: Fault) => void faults.push({ ...fault, left: fault.times ?? 1 }),
    /** The requests that could change something, without those for tokens. */
    writes: () => requests.filter(({ method, path }) => method !== 'GET' && !/token/.test(path)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export const base = 'ba5e'.repeat(10);

function hash(value: unknown): string {
  return createHash('sha1').update(JSON.stringify(value)).digest('hex');
}

function send(response: ServerResponse, status: number, data: unknown, headers: Record<string, string> = {}): void {
  if (status === 204) return void response.writeHead(204).end();
  response
    .writeHead(status, { 'content-type': 'application/json; charset=utf-8', ...headers })
    .end(JSON.stringify(data));
}

function cut(response: ServerResponse, whole: string): void {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': whole.length });
  response.write(whole.slice(0, whole.length / 2), () => response.destroy());
}
