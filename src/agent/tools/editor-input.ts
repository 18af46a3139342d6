import { z } from 'zod';

import { EditorError } from './editor-error.ts';

const commands = ['view', 'create', 'str_replace', 'insert', 'undo_edit'] as const;

/** What a call of the editor may say; which of it is needed depends on the command. */
export const Input = z.object({
  command: z.enum(commands).describe('What to do.'),
  path: z.string().describe('Absolute path of the file or directory.'),
  file_text: z.string().optional().describe('For create: the content of the file.'),
  old_str: z.string().optional().describe('For str_replace: the text to replace.'),
  new_str: z
    .string()
    .optional()
    .describe('For str_replace: the text to put there (default: nothing). For insert: the text to insert.'),
  insert_line: z.number().int().optional().describe('For insert: the line after which the text goes.'),
  view_range: z
    .array(z.number().int())
    .optional()
    .describe('For view: first and last line, from 1; -1 as the last is the end of the file.'),
});
export type Input = z.infer<typeof Input>;

/** A parameter that the command cannot do without. */
export function required<K extends 'file_text' | 'old_str' | 'new_str' | 'insert_line'>(
  input: Input,
  name: K,
): NonNullable<Input[K]> {
  const value = input[name];
  if (value === undefined) throw new EditorError(`Parameter \`${name}\` is required for command: ${input.command}.`);
  return value;
}
