import { describe, expect, it } from 'vitest';

import { ordered } from '../../../src/adapters/openai/ordered.ts';
import { profiles } from '../../../src/adapters/openai/profiles.ts';
import { wireRequest } from '../../../src/adapters/openai/wire.ts';
import type { Message } from '../../../src/core/conversation.ts';
import { checkRequest } from '../../../src/simulation/model/conversation-check.ts';

/** Numbers that are the same every time (mulberry32). */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Any messages in any order: lost results, results of nothing, ids that come again, empty texts. */
function anyMessages(seed: number): Message[] {
  const next = numbers(seed);
  const one = <T>(from: readonly T[]): T => from[Math.floor(next() * from.length)] as T;
  const ids = ['a', 'call_1', 'abcdefghi', '', 'toolu_01', '123456789'];
  const names = ['execute_bash', 'odd name!', '', 'x'.repeat(99)];
  return Array.from({ length: Math.floor(next() * 14) }, (): Message => {
    const text = one(['', 'some text', 'more\nlines']);
    switch (one(['system', 'user', 'assistant', 'assistant', 'tool', 'tool'])) {
      case 'system':
        return { role: 'system', text };
      case 'user':
        return { role: 'user', text };
      case 'tool':
        return { role: 'tool', callId: one(ids), tool: one(names), text };
      default:
        return {
          role: 'assistant',
          text,
          toolCalls: Array.from({ length: Math.floor(next() * 4) }, () => ({
            id: one(ids),
            name: one(names),
            arguments: one(['{}', '{"a":1}', '{"a":', '[1]', '']),
          })),
        };
    }
  });
}

const tools = [
  {
    name: 'execute_bash',
    description: 'Runs.',
    parameters: { type: 'object', properties: { command: { type: 'string' } } },
  },
];

describe('a conversation of any kind', () => {
  it('becomes one that every server takes, with every profile and in both dialects', () => {
    const refused: string[] = [];
    for (let seed = 1; seed <= 2000; seed++) {
      const messages = anyMessages(seed);
      for (const [name, profile] of Object.entries(profiles)) {
        for (const dialect of ['native', 'xml'] as const) {
          for (const given of [tools, []]) {
            const checked = checkRequest({ model: 'devstral', ...wireRequest(messages, given, profile, dialect) });
            if (checked.kind === 'refused') refused.push(`seed ${seed}, ${name}, ${dialect}: ${checked.message}`);
          }
        }
      }
    }
    expect(refused).toEqual([]);
  });

  it('stays as it is when it is in order', () => {
    const messages: Message[] = [
      { role: 'system', text: 's' },
      { role: 'user', text: 'u' },
      { role: 'assistant', text: '', toolCalls: [{ id: 'a', name: 'f', arguments: '{}' }] },
      { role: 'tool', callId: 'a', tool: 'f', text: 'r' },
    ];

    expect(ordered(messages)).toBe(messages);
  });

  it('keeps each result with its call, and gives one to a call without', () => {
    const put = ordered([
      { role: 'user', text: 'u' },
      {
        role: 'assistant',
        text: '',
        toolCalls: [
          { id: 'a', name: 'f', arguments: '{}' },
          { id: 'b', name: 'g', arguments: '{}' },
        ],
      },
      { role: 'tool', callId: 'b', tool: 'g', text: 'of b' },
      { role: 'tool', callId: 'lost', tool: 'g', text: 'of nothing' },
      { role: 'user', text: 'and' },
    ]);

    expect(put.slice(2).map((message) => [message.role, message.text])).toEqual([
      ['tool', 'ERROR: This call was not run.'],
      ['tool', 'of b'],
      ['assistant', 'I have seen the results.'],
      ['user', 'and'],
    ]);
  });
});
