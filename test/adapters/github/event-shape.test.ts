import { describe, expect, it } from 'vitest';

import { eventAgrees } from '../../../src/adapters/github/event-shape.ts';
import { publishedPayloads as payloads } from './published-payloads.ts';

const taken = [
  'issues',
  'issue_comment',
  'pull_request',
  'pull_request_review',
  'pull_request_review_comment',
  'check_run',
  'check_suite',
  'workflow_run',
  'workflow_job',
  'status',
  'push',
  'installation',
];

describe('the shape of an event', () => {
  it('agrees with the header on every example that GitHub has published', () => {
    const refused = payloads.filter(({ name, body }) => !eventAgrees(name, body)).map(({ name }) => name);

    expect(payloads.length).toBeGreaterThan(320);
    expect(refused).toEqual([]);
  });

  it('refuses each body under the eleven other names', () => {
    const bodies = ['issues', 'issue_comment', 'pull_request_review', 'check_suite', 'workflow_run'];

    const agreeing = bodies.flatMap((body) => {
      const payload = payloads.find(({ name }) => name === body)?.body;
      return taken.filter((name) => eventAgrees(name, payload)).map((name) => `${body} as ${name}`);
    });

    expect(taken).toHaveLength(12);
    expect(agreeing).toEqual(bodies.map((body) => `${body} as ${body}`));
  });

  it('lets no published body pass for an event that the bot knows, nor any of those for another', () => {
    const names = [...new Set(payloads.map(({ name }) => name))];

    const swapped = payloads.flatMap(({ name, body }) =>
      names
        .filter(
          (other) => other !== name && (taken.includes(other) || taken.includes(name)) && eventAgrees(other, body),
        )
        .map((other) => `${name} as ${other}`),
    );

    expect(swapped).toEqual([]);
  });

  it.each(['__proto__', 'constructor', 'toString', ''])('does not take %j for an event it knows', (event) => {
    const issue = payloads.find(({ name }) => name === 'issues')?.body;

    expect(eventAgrees(event, issue)).toBe(false);
  });
});
