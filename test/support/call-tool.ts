import type { Tool, ToolContext } from '../../src/agent/tools/tool.ts';

/** What the model is shown when it calls a tool with these arguments. */
export async function callTool(tool: Tool, input: unknown, context: ToolContext): Promise<string> {
  const prepared = tool.call(input, context);
  if ('problem' in prepared) return prepared.problem;
  const result = await prepared.run(AbortSignal.timeout(60_000));
  return result.kind === 'shown' ? result.text : '';
}
