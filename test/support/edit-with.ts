import { strReplaceEditor } from '../../src/agent/tools/str-replace-editor.ts';
import type { ToolContext } from '../../src/agent/tools/tool.ts';
import { callTool } from './call-tool.ts';

/** What the model is shown for a call of the editor. */
export const editWith = (context: ToolContext, input: unknown): Promise<string> =>
  callTool(strReplaceEditor, input, context);
