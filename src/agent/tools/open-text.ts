import type { FileRead } from '../../core/command.ts';
import { invalidFile } from './editor-error.ts';
import { TextFile } from './text-file.ts';

/** Something that is there and no directory. */
export type Existing = Exclude<FileRead, { kind: 'missing' | 'directory' }>;

/** The content as text; everything that is none is an error in the editor's words. */
export function openText(path: string, found: Existing): TextFile {
  if (found.kind === 'too-large')
    throw invalidFile(
      path,
      `File is too large (${(found.bytes / 1024 ** 2).toFixed(1)}MB). Maximum allowed size is 10MB.`,
    );
  if (found.kind === 'unreadable') throw invalidFile(path, found.reason);
  const file = TextFile.of(found.content);
  if (file) return file;
  throw invalidFile(path, 'File appears to be binary and this file type cannot be read or edited by this tool.');
}

/** A newline at the end begins no line of its own here. */
export function lineCount(content: string): number {
  return content.split('\n').length - (content === '' || content.endsWith('\n') ? 1 : 0);
}
