import type { Sandbox } from '../../src/core/ports.ts';

/** As much of a sandbox as the agent's loop and editor need: files in memory, and commands that say what they were. */
export function memorySandbox(
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Sandbox & { readonly files: Map<string, Buffer> } {
  const held = new Map(Object.entries(files).map(([path, content]) => [path, Buffer.from(content)]));
  return {
    files: held,
    workTree: '/workspace',
    run: async (command) => ({
      kind: 'exited',
      exitCode: command.startsWith('false') ? 1 : 0,
      workingDirectory: '/workspace',
      output: `ran ${command}\n`,
      omittedBytes: 0,
      seconds: 0,
    }),
    type: async () => ({ kind: 'idle', output: '', omittedBytes: 0, seconds: 0 }),
    killAll: async () => {},
    execute: async () => ({
      kind: 'exited',
      exitCode: 0,
      workingDirectory: '/workspace',
      output: '',
      omittedBytes: 0,
      seconds: 0,
    }),
    readFile: async (path, { maxBytes }) => {
      const content = held.get(path);
      if (content && content.length > maxBytes) return { kind: 'too-large', bytes: content.length };
      if (content) return { kind: 'file', content };
      return { kind: [...held.keys()].some((each) => each.startsWith(`${path}/`)) ? 'directory' : 'missing' };
    },
    writeFile: async (path, content) => void held.set(path, Buffer.from(content)),
    putFiles: async () => {},
    takePatch: async () => ({ baseCommit: 'base', diff: 'the diff' }),
    peekPatch: async () => ({ baseCommit: 'base', diff: 'the diff' }),
    [Symbol.asyncDispose]: async () => {},
  };
}
