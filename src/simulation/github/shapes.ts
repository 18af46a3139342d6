import type { Comment, Issue, PullRequest, Reaction, Repository, State, TimelineEvent, User } from './state.ts';

// Our state in GitHub's shapes: the fields that its own description requires, and those that people read.

const urls = (base: string, names: readonly string[]) =>
  Object.fromEntries(names.map((name) => [`${name}_url`, `${base}/${name}`]));

export function userShape({ url }: State, user: User) {
  const api = `${url}/api/v3/users/${encodeURIComponent(user.login)}`;
  return {
    login: user.login,
    id: user.id,
    node_id: `U_${user.id}`,
    avatar_url: `${url}/avatars/${user.id}`,
    gravatar_id: '',
    url: api,
    html_url: `${url}/${user.login}`,
    ...urls(api, [
      'followers',
      'following',
      'gists',
      'starred',
      'subscriptions',
      'organizations',
      'repos',
      'events',
      'received_events',
    ]),
    type: user.type,
    site_admin: false,
  };
}

const repositoryUrls = [
  'archive',
  'assignees',
  'blobs',
  'branches',
  'collaborators',
  'comments',
  'commits',
  'compare',
  'contents',
  'contributors',
  'deployments',
  'downloads',
  'events',
  'forks',
  'git_commits',
  'git_refs',
  'git_tags',
  'hooks',
  'issue_comment',
  'issue_events',
  'issues',
  'keys',
  'labels',
  'languages',
  'merges',
  'milestones',
  'notifications',
  'pulls',
  'releases',
  'stargazers',
  'statuses',
  'subscribers',
  'subscription',
  'tags',
  'teams',
  'trees',
];

export function repositoryShape(state: State, repository: Repository) {
  const { id, owner, name, defaultBranch, createdAt } = repository;
  const api = `${state.url}/api/v3/repos/${owner}/${name}`;
  const web = `${state.url}/${owner}/${name}`;
  const count = [...repository.issues.values()].filter((issue) => issue.state === 'open').length;
  return {
    id,
    node_id: `R_${id}`,
    name,
    full_name: `${owner}/${name}`,
    owner: userShape(state, ownerOf(state, owner)),
    private: false,
    html_url: web,
    description: null,
    fork: false,
    url: api,
    ...urls(api, repositoryUrls),
    clone_url: `${web}.git`,
    git_url: `${web}.git`,
    ssh_url: `${web}.git`,
    svn_url: web,
    mirror_url: null,
    homepage: null,
    language: null,
    forks: 0,
    forks_count: 0,
    stargazers_count: 0,
    watchers: 0,
    watchers_count: 0,
    network_count: 0,
    subscribers_count: 0,
    size: 1,
    default_branch: defaultBranch,
    open_issues: count,
    open_issues_count: count,
    has_issues: true,
    has_projects: false,
    has_wiki: false,
    has_pages: false,
    has_downloads: false,
    has_discussions: false,
    archived: false,
    disabled: false,
    visibility: 'public',
    license: null,
    allow_forking: true,
    is_template: false,
    web_commit_signoff_required: false,
    topics: [],
    pushed_at: createdAt,
    created_at: createdAt,
    updated_at: createdAt,
  };
}

function ownerOf(state: State, owner: string): User {
  return state.users.get(owner) ?? { id: 1, login: owner, type: 'Organization' };
}

export function labelShape(state: State, repository: Repository, name: string) {
  const url = `${state.url}/api/v3/repos/${repository.owner}/${repository.name}/labels/${encodeURIComponent(name)}`;
  return { id: 50 + name.length, node_id: `L_${name}`, url, name, description: null, color: '5319e7', default: false };
}

function reactionsShape(url: string, reactions: readonly Reaction[]) {
  const count = (content: string) => reactions.filter((reaction) => reaction.content === content).length;
  const kinds = ['+1', '-1', 'laugh', 'hooray', 'confused', 'heart', 'rocket', 'eyes'];
  return {
    url: `${url}/reactions`,
    total_count: reactions.length,
    ...Object.fromEntries(kinds.map((kind) => [kind, count(kind)])),
  };
}

export function issueShape(state: State, repository: Repository, issue: Issue) {
  const api = `${state.url}/api/v3/repos/${repository.owner}/${repository.name}`;
  const url = `${api}/issues/${issue.number}`;
  return {
    id: issue.id,
    node_id: `I_${issue.id}`,
    url,
    repository_url: api,
    labels_url: `${url}/labels{/name}`,
    comments_url: `${url}/comments`,
    events_url: `${url}/events`,
    html_url: `${state.url}/${repository.owner}/${repository.name}/issues/${issue.number}`,
    number: issue.number,
    state: issue.state,
    state_reason: null,
    title: issue.title,
    body: issue.body,
    user: userShape(state, issue.user),
    labels: issue.labels.map((name) => labelShape(state, repository, name)),
    assignee: null,
    assignees: [],
    milestone: null,
    locked: false,
    active_lock_reason: null,
    comments: issue.comments.length,
    closed_at: null,
    created_at: issue.createdAt,
    updated_at: issue.updatedAt,
    author_association: 'NONE',
    performed_via_github_app: null,
    reactions: reactionsShape(url, issue.reactions),
    timeline_url: `${url}/timeline`,
  };
}

export function appShape(state: State) {
  const created = '2026-01-01T00:00:00Z';
  return {
    id: state.appId,
    slug: state.slug,
    node_id: `A_${state.appId}`,
    owner: userShape(state, { id: 2, login: 'operator', type: 'User' }),
    name: 'devstral-bot',
    description: null,
    external_url: `${state.url}/apps/${state.slug}`,
    html_url: `${state.url}/apps/${state.slug}`,
    created_at: created,
    updated_at: created,
    permissions: { contents: 'write', issues: 'write', pull_requests: 'write', checks: 'write', metadata: 'read' },
    events: ['issues', 'issue_comment'],
  };
}

export function commentShape(state: State, repository: Repository, issue: Issue, comment: Comment) {
  const api = `${state.url}/api/v3/repos/${repository.owner}/${repository.name}/issues`;
  const url = `${api}/comments/${comment.id}`;
  return {
    id: comment.id,
    node_id: `IC_${comment.id}`,
    url,
    html_url: `${state.url}/${repository.owner}/${repository.name}/issues/${issue.number}#issuecomment-${comment.id}`,
    issue_url: `${api}/${issue.number}`,
    user: userShape(state, comment.user),
    created_at: comment.createdAt,
    updated_at: comment.updatedAt,
    author_association: 'NONE',
    body: comment.body,
    reactions: reactionsShape(url, comment.reactions),
    performed_via_github_app: comment.byApp ? appShape(state) : null,
  };
}

export function reactionShape(state: State, { id, user, content, createdAt }: Reaction) {
  return { id, node_id: `RE_${id}`, user: userShape(state, user), content, created_at: createdAt };
}

export function timelineShape(
  state: State,
  repository: Repository,
  { id, event, label, actor, createdAt }: TimelineEvent,
) {
  return {
    id,
    node_id: `E_${id}`,
    url: `${state.url}/api/v3/repos/${repository.owner}/${repository.name}/issues/events/${id}`,
    actor: userShape(state, actor),
    event,
    commit_id: null,
    commit_url: null,
    created_at: createdAt,
    label: { name: label, color: '5319e7' },
    performed_via_github_app: null,
  };
}

/** A pull request with what git says of it: head's commit and the size of the change. */
export function pullShape(
  state: State,
  repository: Repository,
  pull: PullRequest,
  facts: { headSha: string; commits: number; additions: number; deletions: number; files: number },
) {
  const api = `${state.url}/api/v3/repos/${repository.owner}/${repository.name}`;
  const url = `${api}/pulls/${pull.number}`;
  const html_url = `${state.url}/${repository.owner}/${repository.name}/pull/${pull.number}`;
  const repo = repositoryShape(state, repository);
  const end = (ref: string, sha: string) => ({ label: `${repository.owner}:${ref}`, ref, sha, repo, user: repo.owner });
  return {
    ...issueShape(state, repository, pull),
    url,
    html_url,
    issue_url: `${api}/issues/${pull.number}`,
    diff_url: `${html_url}.diff`,
    patch_url: `${html_url}.patch`,
    commits_url: `${url}/commits`,
    review_comments_url: `${url}/comments`,
    review_comment_url: `${url}/comments{/number}`,
    comments_url: `${api}/issues/${pull.number}/comments`,
    statuses_url: `${api}/statuses/${facts.headSha}`,
    draft: pull.draft,
    head: end(pull.head, facts.headSha),
    base: end(pull.base, pull.baseSha),
    merged: false,
    merged_at: null,
    merged_by: null,
    merge_commit_sha: null,
    mergeable: true,
    mergeable_state: pull.draft ? 'draft' : 'clean',
    rebaseable: true,
    maintainer_can_modify: false,
    auto_merge: null,
    requested_reviewers: [],
    requested_teams: [],
    review_comments: 0,
    commits: facts.commits,
    additions: facts.additions,
    deletions: facts.deletions,
    changed_files: facts.files,
    _links: Object.fromEntries(
      Object.entries({
        self: url,
        html: html_url,
        issue: `${api}/issues/${pull.number}`,
        comments: `${api}/issues/${pull.number}/comments`,
        review_comments: `${url}/comments`,
        review_comment: `${url}/comments{/number}`,
        commits: `${url}/commits`,
        statuses: `${api}/statuses/${facts.headSha}`,
      }).map(([name, href]) => [name, { href }]),
    ),
  };
}

/** The installation that every payload names. */
export function installationShape(state: State) {
  return { id: state.installation, node_id: `INS_${state.installation}` };
}
