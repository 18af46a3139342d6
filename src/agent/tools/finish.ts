import { z } from 'zod';

import { defineTool } from './tool.ts';

/** The model's own word that it is done; what its work is worth, the tests say. */
export const finish = defineTool({
  name: 'finish',
  description:
    'Ends the work. Call it when the change is complete and you have run what shows that it works, or when you can get no further.',
  repeats: 'never',
  input: z.object({
    message: z.string().describe('What was wrong, what you changed and why, in a few sentences for the reviewer.'),
    task_completed: z.enum(['true', 'false', 'partial']).optional().describe('Whether the task is done.'),
  }),
  title: ({ task_completed = 'true' }) => `task completed: ${task_completed}`,
  run: async ({ message }) => ({ kind: 'finished', message }),
});
