import { z } from 'zod';

import { defineTool } from './tool.ts';

/** Room to think: it changes nothing. */
export const think = defineTool({
  name: 'think',
  description: 'Notes a thought and does nothing else. Use it to weigh several ways, or to plan, before you act.',
  repeats: 'never',
  input: z.object({ thought: z.string().describe('The thought.') }),
  title: () => 'thinks',
  run: async () => ({ kind: 'shown', text: 'Your thought has been logged.', outcome: 'ok' }),
});
