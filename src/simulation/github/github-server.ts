import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { getRequestListener } from '@hono/node-server';
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';

import { addComment } from './changes.ts';
import { type Fault, Faults } from './faults.ts';
import { serveGit } from './git-http.ts';
import { createRepository } from './git-store.ts';
import { pageRoutes } from './pages.ts';
import { restRoutes } from './rest.ts';
import {
  type Comment,
  type Exchange,
  emptyState,
  type Issue,
  type Repository,
  type Role,
  type State,
  stamp,
  type User,
} from './state.ts';
import { commentedPayload, deliver, labeledPayload, type SentDelivery } from './webhooks.ts';

export interface GitHubOptions {
  /** Sees every exchange with the API, for instance to hold it against GitHub's description. */
  readonly check?: (exchange: Exchange) => void;
  /** Writes by the app come back as webhooks, as at GitHub. */
  readonly echo?: boolean;
  readonly now?: () => Date;
}

/** What tells a repository from others; the driver's calls take it. */
export type RepositoryHandle = Repository;

/** A GitHub on this machine: API, git and pages over HTTP, and calls that do what people do there. */
export interface GitHubSimulation extends AsyncDisposable {
  readonly url: string;
  readonly apiUrl: string;
  readonly appId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
  readonly state: State;
  readonly deliveries: readonly SentDelivery[];
  deliverTo(url: string): void;
  addUser(user: { login: string; type?: User['type'] }): User;
  addRepository(about: {
    owner: string;
    name: string;
    files: ReadonlyMap<string, string | Buffer>;
  }): Promise<RepositoryHandle>;
  setPermission(repository: RepositoryHandle, login: string, role: Role): void;
  openIssue(about: {
    repo: RepositoryHandle;
    title: string;
    body: string;
    by: string;
  }): Promise<{ number: number; url: string }>;
  label(about: { repo: RepositoryHandle; issue: number; label: string; by: string }): Promise<SentDelivery>;
  comment(about: { repo: RepositoryHandle; issue: number; body: string; by: string }): Promise<SentDelivery>;
  editComment(about: { repo: RepositoryHandle; issue: number; id: number; body: string }): Promise<SentDelivery>;
  /** Sends a delivery once more, under its own id or a fresh one. */
  redeliver(delivery: SentDelivery, id?: string): Promise<SentDelivery>;
  fail(fault: Fault): void;
  stopFailing(): void;
  /** What was changed through the API, in order. */
  writes(): readonly Exchange[];
}

/** Starts it on a free port of the loopback interface; its repositories live in a temporary folder. */
export async function startGitHub(options: GitHubOptions = {}): Promise<GitHubSimulation> {
  const folder = await mkdtemp(join(tmpdir(), 'simulated-github-'));
  const { publicKey, privateKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const webhookSecret = randomBytes(32).toString('hex');
  const faults = new Faults();
  const deliveries: SentDelivery[] = [];
  let webhookUrl: string | null = null;

  let serve: (request: IncomingMessage, response: ServerResponse) => void = (_, response) =>
    void response.writeHead(503).end();
  const server = createServer((request, response) => serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const state = emptyState({ url, publicKey, now: options.now ?? (() => new Date()) });

  const send = async (
    event: string,
    payload: Readonly<Record<string, unknown>>,
    id?: string,
  ): Promise<SentDelivery> => {
    const sent =
      webhookUrl === null
        ? { id: id ?? '', event, payload, status: 0 }
        : await deliver(webhookUrl, webhookSecret, event, payload, id);
    deliveries.push(sent);
    return sent;
  };
  const echo = {
    commented: (repository: Repository, issue: Issue, comment: Comment) => {
      if (options.echo !== false)
        void send('issue_comment', commentedPayload(state, repository, issue, comment, 'created'));
    },
  };
  serve = byPath(state, restListener(state, echo, faults, options), getRequestListener(pageRoutes(state).fetch));

  const userNamed = (login: string): User => {
    const user = state.users.get(login);
    if (!user) throw new Error(`The simulated GitHub has no user ${login}; add it first`);
    return user;
  };
  const issueAt = (repository: Repository, number: number): Issue => {
    const issue = repository.issues.get(number) ?? repository.pulls.get(number);
    if (!issue) throw new Error(`There is no issue ${number}`);
    return issue;
  };

  return {
    url,
    apiUrl: `${url}/api/v3`,
    appId: state.appId,
    privateKey,
    webhookSecret,
    state,
    deliveries,
    deliverTo: (to) => {
      webhookUrl = to;
    },
    addUser({ login, type = 'User' }) {
      const user = { id: state.nextId(), login, type };
      state.users.set(login, user);
      return user;
    },
    async addRepository({ owner, name, files }) {
      const id = state.nextId();
      const repository: Repository = {
        id,
        owner,
        name,
        defaultBranch: 'main',
        folder: join(folder, `${id}.git`),
        roles: new Map(),
        issues: new Map(),
        pulls: new Map(),
        createdAt: stamp(state.now()),
      };
      await createRepository(repository.folder, repository.defaultBranch, files);
      state.repositories.push(repository);
      return repository;
    },
    setPermission: (repository, login, role) => void repository.roles.set(login, role),
    async openIssue({ repo, title, body, by }) {
      const now = stamp(state.now());
      const number = repo.issues.size + repo.pulls.size + 1;
      repo.issues.set(number, {
        id: state.nextId(),
        number,
        title,
        body,
        user: userNamed(by),
        state: 'open',
        labels: [],
        comments: [],
        reactions: [],
        timeline: [],
        createdAt: now,
        updatedAt: now,
      });
      return { number, url: `${url}/${repo.owner}/${repo.name}/issues/${number}` };
    },
    async label({ repo, issue: number, label, by }) {
      const issue = issueAt(repo, number);
      const now = stamp(state.now());
      if (!issue.labels.includes(label)) issue.labels.push(label);
      issue.updatedAt = now;
      issue.timeline.push({ id: state.nextId(), event: 'labeled', label, actor: userNamed(by), createdAt: now });
      return await send('issues', labeledPayload(state, repo, issue, label, userNamed(by)));
    },
    async comment({ repo, issue: number, body, by }) {
      const issue = issueAt(repo, number);
      const comment = addComment(state, issue, { user: userNamed(by), body, byApp: false });
      return await send('issue_comment', commentedPayload(state, repo, issue, comment, 'created'));
    },
    async editComment({ repo, issue: number, id, body }) {
      const issue = issueAt(repo, number);
      const comment = issue.comments.find((each) => each.id === id);
      if (!comment) throw new Error(`There is no comment ${id}`);
      comment.body = body;
      comment.updatedAt = stamp(state.now());
      return await send('issue_comment', commentedPayload(state, repo, issue, comment, 'edited'));
    },
    redeliver: (delivery, id) => send(delivery.event, delivery.payload, id ?? delivery.id),
    fail: (fault) => faults.add(fault),
    stopFailing: () => faults.clear(),
    writes: () =>
      state.exchanges.filter(
        ({ method, path, status }) =>
          method !== 'GET' && status < 300 && !/access_tokens$|^\/installation\/token$/.test(path),
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

type Listener = (request: IncomingMessage, response: ServerResponse) => unknown;

/** API, git or page: the path says which. */
function byPath(state: State, api: Listener, pages: Listener) {
  return (request: IncomingMessage, response: ServerResponse): void => {
    if (request.url?.startsWith('/api/v3/')) api(request, response);
    else if (!serveGit(state, request, response)) pages(request, response);
  };
}

const root = '/api/v3';

/** The API with its log and its faults. */
function restListener(
  state: State,
  echo: Parameters<typeof restRoutes>[1],
  faults: Faults,
  options: GitHubOptions,
): Listener {
  const routes = restRoutes(state, echo);
  return getRequestListener(async (incoming: Request, bindings) => {
    const path = incoming.url.slice(incoming.url.indexOf(root) + root.length);
    const body = await incoming.clone().text();
    const fault = faults.take(incoming.method, path);
    if (fault?.delayMs) await setTimeout(fault.delayMs);
    if (fault?.status) {
      const failure = {
        message: `Simulated ${fault.status}`,
        documentation_url: 'https://docs.github.com/rest',
        status: String(fault.status),
      };
      return Response.json(failure, { status: fault.status, ...(fault.headers && { headers: fault.headers }) });
    }
    const inner = new URL(incoming.url);
    inner.pathname = inner.pathname.slice(root.length);
    const answer = await routes.fetch(
      new Request(inner, { method: incoming.method, headers: incoming.headers, ...(body && { body }) }),
    );
    const text = await answer.clone().text();
    const exchange = {
      method: incoming.method,
      path,
      requestBody: parsed(body),
      status: answer.status,
      body: parsed(text),
    };
    state.exchanges.push(exchange);
    options.check?.(exchange);
    if (fault?.dropAnswer) {
      bindings.outgoing.destroy();
      return RESPONSE_ALREADY_SENT;
    }
    return answer;
  });
}

function parsed(text: string): unknown {
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
