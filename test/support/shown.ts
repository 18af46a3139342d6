import { EditHistory } from '../../src/agent/tools/edit-history.ts';
import type { Tool } from '../../src/agent/tools/tool.ts';
import type { Sandbox } from '../../src/core/ports.ts';

/** What the model is shown when it calls a tool with these arguments. */
export async function shown(tool: Tool, input: Readonly<Record<string, unknown>>, sandbox: Sandbox): Promise<string> {
  const prepared = tool.call(input, { sandbox, history: new EditHistory() });
  if ('problem' in prepared) return prepared.problem;
  const result = await prepared.run(AbortSignal.timeout(60_000));
  return result.kind === 'shown' ? result.text : result.message;
}
