import type { Observation, ToolCall } from '../core/attempt.ts';
import type { Tool, ToolContext } from './tools/tool.ts';

/** Runs one tool call. Whatever is wrong with it becomes text for the model; `finished` is its last word, else null. */
export async function runCall(
  call: ToolCall,
  tools: readonly Tool[],
  context: ToolContext,
  signal: AbortSignal,
): Promise<{ observation: Observation; finished: string | null }> {
  const started = performance.now();
  const observed = (title: string, text: string, outcome: Observation['outcome']): Observation => ({
    callId: call.id,
    tool: call.name,
    title,
    text: text || '(no output)',
    outcome,
    seconds: (performance.now() - started) / 1000,
  });

  const tool = tools.find((each) => each.definition.name === call.name);
  if (!tool) {
    const names = tools.map((each) => each.definition.name).join(', ');
    return {
      observation: observed(
        'an unknown tool',
        `ERROR: There is no tool ${JSON.stringify(call.name)}. The tools are: ${names}.`,
        'rejected',
      ),
      finished: null,
    };
  }
  if (call.problem !== undefined) {
    return {
      observation: observed(`${call.name}: unreadable arguments`, `ERROR: ${call.problem}`, 'rejected'),
      finished: null,
    };
  }
  const prepared = tool.call(JSON.parse(call.arguments), context);
  if ('problem' in prepared) {
    return {
      observation: observed(`${call.name}: unfitting arguments`, `ERROR: ${prepared.problem}`, 'rejected'),
      finished: null,
    };
  }
  const result = await prepared.run(signal);
  if (result.kind === 'finished')
    return { observation: observed(prepared.title, 'Done.', 'ok'), finished: result.message };
  return { observation: observed(prepared.title, result.text, result.outcome), finished: null };
}
