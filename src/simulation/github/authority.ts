import { randomBytes, verify } from 'node:crypto';

import { type Repository, type State, stamp, type Token } from './state.ts';

/** Why a request may not be answered: GitHub's status and sentence. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly status: number;
  readonly errors: readonly unknown[];

  constructor(status: number, message: string, errors: readonly unknown[] = []) {
    super(message);
    this.status = status;
    this.errors = errors;
  }
}

/** Accepts an app's own JWT: signed by its key, fresh, and for ten minutes at most, as GitHub wants it. */
export function requireApp(state: State, authorization: string | undefined): void {
  const [, header = '', payload = '', signature = ''] =
    authorization?.match(/^bearer ([\w-]+)\.([\w-]+)\.([\w-]+)$/i) ?? [];
  const refuse = (why: string) => new Refusal(401, why);
  if (!signature) throw refuse('A JSON web token could not be decoded');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as {
    iss?: unknown;
    iat?: number;
    exp?: number;
  };
  const isSigned = verify(
    'RSA-SHA256',
    Buffer.from(`${header}.${payload}`),
    state.publicKey,
    Buffer.from(signature, 'base64url'),
  );
  if (!isSigned || Number(claims.iss) !== state.appId) throw refuse('Integration not found');
  const now = state.now().getTime() / 1000;
  if (!claims.exp || claims.exp < now)
    throw refuse(
      "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
    );
  if (claims.exp > now + 660) throw refuse("'Expiration time' claim ('exp') is too far in the future");
}

const granted: Readonly<Record<string, string>> = {
  contents: 'write',
  issues: 'write',
  pull_requests: 'write',
  checks: 'write',
  actions: 'read',
  statuses: 'read',
  metadata: 'read',
};

/** Makes an installation token for one hour, with no more than the app was granted. */
export function mintToken(
  state: State,
  request: { repository_ids?: number[]; permissions?: Record<string, string> },
): Token {
  const known = state.repositories.map((repository) => repository.id);
  const repositories = request.repository_ids ?? known;
  if (repositories.some((id) => !known.includes(id)))
    throw new Refusal(
      422,
      'There is at least one repository that does not exist or is not accessible to the parent installation.',
    );
  const permissions = { metadata: 'read', ...(request.permissions ?? granted) };
  for (const [name, level] of Object.entries(permissions)) {
    if (!granted[name] || (level === 'write' && granted[name] === 'read'))
      throw new Refusal(422, 'The permissions requested are not granted to this installation.');
  }
  const token = {
    token: `ghs_${randomBytes(24).toString('base64url')}`,
    repositories,
    permissions,
    expiresAt: new Date(state.now().getTime() + 3_600_000),
    revoked: false,
  };
  state.tokens.push(token);
  return token;
}

/** The token of a request; unknown, revoked and expired ones are the same to GitHub. */
export function requireToken(state: State, authorization: string | undefined): Token {
  const given = authorization?.replace(/^(token|bearer) /i, '').trim();
  const token = state.tokens.find((each) => each.token === given);
  if (!token || token.revoked || token.expiresAt <= state.now()) throw new Refusal(401, 'Bad credentials');
  return token;
}

/** The repository of that name, if the token reaches it: what is out of reach is not there. */
export function requireRepository(state: State, token: Token, owner: string, name: string): Repository {
  const found = state.repositories.find((each) => each.owner === owner && each.name === name);
  if (!found || !token.repositories.includes(found.id)) throw new Refusal(404, 'Not Found');
  return found;
}

/** Whether a token may do this; otherwise the sentence that integrators know. */
export function requirePermission(token: Token, name: string, level: 'read' | 'write'): void {
  const held = token.permissions[name];
  if (held !== 'write' && held !== level) throw new Refusal(403, 'Resource not accessible by integration');
}

/** A token as its answer. */
export function tokenShape(
  state: State,
  { token, permissions, expiresAt, repositories }: Token,
  shape: (repository: Repository) => unknown,
) {
  const reached = state.repositories.filter((repository) => repositories.includes(repository.id));
  return {
    token,
    expires_at: stamp(expiresAt),
    permissions,
    repository_selection: 'selected',
    repositories: reached.map(shape),
  };
}
