import { type Comment, type Issue, type Reaction, type Repository, type State, stamp, type User } from './state.ts';

/** Tells the outside that something was written: as a webhook, when there is somebody to tell. */
export interface Echo {
  commented(repository: Repository, issue: Issue, comment: Comment): void;
}

/** Adds a comment to an issue or pull request. */
export function addComment(state: State, issue: Issue, about: { user: User; body: string; byApp: boolean }): Comment {
  const now = stamp(state.now());
  const comment: Comment = { id: state.nextId(), ...about, createdAt: now, updatedAt: now, reactions: [] };
  issue.comments.push(comment);
  issue.updatedAt = now;
  return comment;
}

/** Adds a reaction; a second one of the same kind by the same user is the first. */
export function addReaction(
  state: State,
  reactions: Reaction[],
  user: User,
  content: string,
): { reaction: Reaction; isNew: boolean } {
  const known = reactions.find((each) => each.user.id === user.id && each.content === content);
  if (known) return { reaction: known, isNew: false };
  const reaction = { id: state.nextId(), user, content, createdAt: stamp(state.now()) };
  reactions.push(reaction);
  return { reaction, isNew: true };
}
