import { describe, expect, it } from 'vitest';

import { Task } from '../../src/core/task.ts';
import { triggers } from '../../src/triggers/all.ts';
import { publishedPayloads } from '../adapters/github/published-payloads.ts';

const alice = { id: 7, login: 'alice', type: 'User' };
const issue = {
  number: 12,
  title: 'It breaks',
  body: 'When I call it.',
  html_url: 'https://github.com/octo/hello/issues/12',
  updated_at: '2026-03-01T10:00:00Z',
  user: { id: 8, login: 'bob', type: 'User' },
};
const common = {
  issue,
  repository: { id: 99, name: 'hello', default_branch: 'main', owner: { login: 'octo' } },
  sender: alice,
  installation: { id: 5 },
};
const labelled = { ...common, action: 'labeled', label: { id: 1, name: 'devstral' } };
const comment = {
  id: 34,
  body: 'Thanks!\n\n/devstral fix the parser',
  created_at: '2026-03-01T11:00:00Z',
  user: alice,
  performed_via_github_app: null,
};
const commented = { ...common, action: 'created', comment };

function recognise(event: string, payload: Record<string, unknown>) {
  return (
    triggers.map((trigger) => trigger.recognise({ id: 'a', event, payload })).find((found) => found !== null) ?? null
  );
}

describe('a label', () => {
  it('asks for work on its issue, in the words of the signed payload', () => {
    const found = recognise('issues', labelled);

    expect(found).toEqual({
      task: {
        kind: 'issue',
        repository: { id: 99, owner: 'octo', name: 'hello', installation: 5, defaultBranch: 'main' },
        issue: {
          number: 12,
          title: 'It breaks',
          body: 'When I call it.',
          author: 'bob',
          url: 'https://github.com/octo/hello/issues/12',
        },
        askedBy: { id: 7, login: 'alice' },
        askedAt: '2026-03-01T10:00:00Z',
        request: { kind: 'label', label: 'devstral', issueUpdatedAt: '2026-03-01T10:00:00Z' },
      },
      keys: ['label:99:12:devstral:7:2026-03-01T10:00:00Z'],
    });
    expect(Task.parse(found?.task)).toEqual(found?.task);
  });

  it('is the same request in every delivery of it, and another when it is put there again', () => {
    const again = { ...labelled, issue: { ...issue, updated_at: '2026-03-01T10:00:01Z' } };

    const keys = [labelled, structuredClone(labelled), again].map((payload) => recognise('issues', payload)?.keys[0]);

    expect(keys[1]).toBe(keys[0]);
    expect(keys[2]).not.toBe(keys[0]);
  });

  it('may be spelled as the repository spells it', () => {
    const found = recognise('issues', { ...labelled, label: { name: 'Devstral' } });

    expect(found?.task.request).toMatchObject({ label: 'Devstral' });
  });

  it('may be on an issue without text, of somebody who is gone', () => {
    const found = recognise('issues', { ...labelled, issue: { ...issue, body: null, user: null } });

    expect(found?.task.issue).toMatchObject({ body: '', author: 'ghost' });
  });

  it.each<[string, Record<string, unknown>, string?]>([
    ['another label', { label: { name: 'bug' } }],
    ['a longer label', { label: { name: 'devstral-later' } }],
    ['a label in other letters', { label: { name: 'dev\u017Ftral' } }],
    ['taking the label away', { action: 'unlabeled' }],
    ['opening an issue that has the label', { action: 'opened', issue: { ...issue, labels: [{ name: 'devstral' }] } }],
    [
      'an edit of an issue that has the label',
      { action: 'edited', issue: { ...issue, labels: [{ name: 'devstral' }] } },
    ],
    ['a pull request', { issue: { ...issue, pull_request: { url: 'x' } } }],
    ['a bot', { sender: { id: 1, login: 'github-actions[bot]', type: 'Bot' } }],
    ['an organisation', { sender: { ...alice, type: 'Organization' } }],
    ['a mannequin', { sender: { ...alice, type: 'Mannequin' } }],
    ['somebody without a type', { sender: { id: 7, login: 'alice' } }],
    ['nobody', { sender: undefined }],
    ['an id that is text', { sender: { ...alice, id: '7' } }],
    ['no installation', { installation: undefined }],
    ['an installation 0', { installation: { id: 0 } }],
    ['no repository', { repository: undefined }],
    ['another event', {}, 'issue_comment'],
    ['a pull request event', {}, 'pull_request'],
  ])('asks for nothing when it is %s', (_, change, event = 'issues') => {
    expect(recognise(event, { ...labelled, ...change })).toBeNull();
  });
});

describe('a comment', () => {
  it('asks for work on its issue, with instructions', () => {
    const found = recognise('issue_comment', commented);

    expect(found?.task).toMatchObject({
      askedBy: { id: 7, login: 'alice' },
      askedAt: '2026-03-01T11:00:00Z',
      issue: { number: 12, author: 'bob' },
      request: { kind: 'comment', commentId: 34, instructions: 'the parser' },
    });
    expect(found?.keys).toEqual(['comment:99:34']);
    expect(Task.parse(found?.task)).toEqual(found?.task);
  });

  it('asks for nothing without the command', () => {
    expect(recognise('issue_comment', { ...commented, comment: { ...comment, body: 'Thanks!' } })).toBeNull();
  });

  it.each<[string, Record<string, unknown>, string?]>([
    ['edited', { action: 'edited' }],
    ['deleted', { action: 'deleted' }],
    ['on a pull request', { issue: { ...issue, pull_request: { url: 'x' } } }],
    ['by a bot', { comment: { ...comment, user: { ...alice, type: 'Bot' } }, sender: { ...alice, type: 'Bot' } }],
    ['by a bot, and sent by a person', { comment: { ...comment, user: { ...alice, type: 'Bot' } } }],
    ['by a person, and sent by a bot', { sender: { ...alice, type: 'Bot' } }],
    ['by another than the sender', { sender: { ...alice, id: 9 } }],
    ['by somebody who is gone', { comment: { ...comment, user: null } }],
    ['written by an app in a person’s name', { comment: { ...comment, performed_via_github_app: { id: 3 } } }],
    ['without installation', { installation: undefined }],
    ['another event', {}, 'pull_request_review_comment'],
  ])('asks for nothing when it is %s', (_, change, event = 'issue_comment') => {
    expect(recognise(event, { ...commented, ...change })).toBeNull();
  });

  it('gives text that a database can hold', () => {
    const odd = { ...comment, body: '/devstral fix a\0b\ud800c' };

    const found = recognise('issue_comment', { ...commented, comment: odd, issue: { ...issue, title: 'NUL \0' } });

    expect(found?.task).toMatchObject({
      issue: { title: 'NUL \uFFFD' },
      request: { instructions: 'a\uFFFDb\uFFFDc' },
    });
  });
});

describe('the payloads that GitHub has published', () => {
  it('make no trigger stumble, and start nothing', () => {
    const found = publishedPayloads.filter(({ name, body }) => recognise(name, body) !== null);

    expect(publishedPayloads.length).toBeGreaterThan(320);
    expect(found).toEqual([]);
  });

  it('start work, each of a label on an issue by a person, when the label is ours and the app is installed', () => {
    const labels = publishedPayloads.filter(({ name, body }) => name === 'issues' && body.action === 'labeled');

    const found = labels.map(({ name, body }) =>
      recognise(name, { ...body, label: { name: 'devstral' }, installation: { id: 5 } }),
    );

    expect(labels.length).toBeGreaterThan(0);
    expect(found.map((each) => each?.task.request.kind)).toEqual(labels.map(() => 'label'));
  });

  it('start work, each of a new comment on an issue by a person, when it holds the command', () => {
    const comments = publishedPayloads.filter(
      ({ name, body }) =>
        name === 'issue_comment' && body.action === 'created' && !Object.hasOwn(Object(body.issue), 'pull_request'),
    );

    const found = comments.map(({ name, body }) =>
      recognise(name, {
        ...body,
        comment: { ...Object(body.comment), body: '/devstral fix', performed_via_github_app: null },
        installation: { id: 5 },
      }),
    );

    expect(comments.length).toBeGreaterThan(0);
    const people = comments.map(({ body }) => (Object(body.sender).type === 'User' ? 'comment' : undefined));
    expect(found.map((each) => each?.task.request.kind)).toEqual(people);
  });
});
