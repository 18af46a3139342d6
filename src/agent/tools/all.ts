import { executeBash } from './execute-bash.ts';
import { finish } from './finish.ts';
import { strReplaceEditor } from './str-replace-editor.ts';
import { think } from './think.ts';
import type { Tool } from './tool.ts';

/** The agent's tools, in the order that the model was trained with. A new one is a file and a line here. */
export const tools: readonly Tool[] = [executeBash(), think, finish, strReplaceEditor];
