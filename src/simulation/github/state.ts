// What the simulated GitHub knows, apart from git's own objects. Plain values; ids count up from a number each kind has.

export type Role = 'admin' | 'maintain' | 'write' | 'triage' | 'read' | 'none';

export interface User {
  readonly id: number;
  readonly login: string;
  readonly type: 'User' | 'Bot' | 'Organization' | 'Mannequin';
}

export interface Comment {
  readonly id: number;
  readonly user: User;
  body: string;
  readonly byApp: boolean;
  readonly createdAt: string;
  updatedAt: string;
  readonly reactions: Reaction[];
}

export interface Reaction {
  readonly id: number;
  readonly user: User;
  readonly content: string;
  readonly createdAt: string;
}

export interface TimelineEvent {
  readonly id: number;
  readonly event: 'labeled' | 'unlabeled';
  readonly label: string;
  readonly actor: User;
  readonly createdAt: string;
}

export interface Issue {
  readonly id: number;
  readonly number: number;
  title: string;
  body: string;
  readonly user: User;
  state: 'open' | 'closed';
  readonly labels: string[];
  readonly comments: Comment[];
  readonly reactions: Reaction[];
  readonly timeline: TimelineEvent[];
  readonly createdAt: string;
  updatedAt: string;
}

export interface PullRequest extends Issue {
  readonly draft: boolean;
  readonly head: string;
  readonly base: string;
  readonly baseSha: string;
}

export interface Repository {
  readonly id: number;
  readonly owner: string;
  readonly name: string;
  readonly defaultBranch: string;
  readonly folder: string;
  readonly roles: Map<string, Role>;
  readonly issues: Map<number, Issue>;
  readonly pulls: Map<number, PullRequest>;
  readonly createdAt: string;
}

export interface Token {
  readonly token: string;
  readonly repositories: readonly number[];
  readonly permissions: Readonly<Record<string, string>>;
  readonly expiresAt: Date;
  revoked: boolean;
}

/** One request and its answer, as they went over the wire. */
export interface Exchange {
  readonly method: string;
  /** The path below the API's root, with its query. */
  readonly path: string;
  readonly requestBody: unknown;
  readonly status: number;
  readonly body: unknown;
}

/** Everything in one place. */
export interface State {
  readonly url: string;
  readonly appId: number;
  readonly slug: string;
  readonly installation: number;
  readonly publicKey: string;
  readonly users: Map<string, User>;
  readonly repositories: Repository[];
  readonly tokens: Token[];
  readonly exchanges: Exchange[];
  readonly now: () => Date;
  readonly nextId: () => number;
}

/** The state of a GitHub that has nothing but our app on it. */
export function emptyState(about: { url: string; publicKey: string; now: () => Date }): State {
  let id = 1000;
  return {
    ...about,
    appId: 4242,
    slug: 'devstral-bot',
    installation: 77,
    users: new Map(),
    repositories: [],
    tokens: [],
    exchanges: [],
    nextId: () => ++id,
  };
}

/** The account that the app's writes appear under. */
export function appUser(state: State): User {
  return { id: 900, login: `${state.slug}[bot]`, type: 'Bot' };
}

/** A time as GitHub writes it: whole seconds, UTC. */
export function stamp(date: Date): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}
