import { z } from 'zod';

import { defineTool, type Tool } from './tool.ts';

const Item = z.object({
  id: z.string().describe('A short name of the item.'),
  title: z.string().describe('What is to be done.'),
  status: z.enum(['todo', 'in_progress', 'done']).describe('How far it is.'),
  notes: z.string().optional().describe('What to remember about it.'),
});

const description = `Keeps a list of what is to be done, for work of several parts.
* \`plan\` replaces the list by \`task_list\`: send the whole list each time, with the state of every item.
* \`view\` shows it.
Small tasks need no list.`;

const marks = { todo: '[ ]', in_progress: '[~]', done: '[x]' } as const;

/** A list of the model's own, under the name and with the parameters of the scaffold it was trained in. One for each attempt. */
export function taskTracker(): Tool {
  let items: readonly z.infer<typeof Item>[] = [];
  return defineTool({
    name: 'task_tracker',
    description,
    repeats: 'always',
    input: z.object({
      command: z.enum(['view', 'plan']).describe('What to do.'),
      task_list: z.array(Item).max(100).optional().describe('For plan: the whole list.'),
    }),
    title: ({ command }) => command,
    async run({ command, task_list }) {
      if (command === 'plan') {
        if (!task_list)
          return { kind: 'shown', text: 'ERROR: plan needs task_list, the whole list.', outcome: 'failed' };
        items = task_list;
      }
      if (items.length === 0) return { kind: 'shown', text: 'The list is empty.', outcome: 'ok' };
      const lines = items.map(
        ({ id, title, status, notes }) => `${marks[status]} ${id}: ${title}${notes ? `\n    ${notes}` : ''}`,
      );
      return { kind: 'shown', text: `The list:\n${lines.join('\n')}`, outcome: 'ok' };
    },
  });
}
