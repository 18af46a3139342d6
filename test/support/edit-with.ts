import { strReplaceEditor } from '../../src/agent/tools/str-replace-editor.ts';
import type { ToolContext } from '../../src/agent/tools/tool.ts';

/** What the model is shown for a call of the editor. */
export async function editWith(context: ToolContext, input: unknown): Promise<string> {
  const prepared = strReplaceEditor.call(input, context);
  if ('problem' in prepared) return prepared.problem;
  const result = await prepared.run(AbortSignal.timeout(60_000));
  return result.kind === 'shown' ? result.text : '';
}
