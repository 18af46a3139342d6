import type { Sandbox } from '../../src/core/ports.ts';

/** As much of a sandbox as the agent's loop and editor need: files in memory, and commands that say what they were. */
export function memorySandbox(files: Record<string, string> = {}): Sandbox & { readonly files: Map<string, string> } {
  const held = new Map(Object.entries(files));
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
    readFile: async (path) => {
      const content = held.get(path);
      if (content !== undefined)
        return {
          kind: 'file',
          content: Buffer.from(content, 'latin1').includes(0) ? Buffer.from(content, 'latin1') : Buffer.from(content),
        };
      return { kind: [...held.keys()].some((each) => each.startsWith(`${path}/`)) ? 'directory' : 'missing' };
    },
    writeFile: async (path, content) => void held.set(path, Buffer.from(content).toString()),
    putFiles: async () => {},
    takePatch: async () => ({ baseCommit: 'base', diff: 'the diff' }),
    peekPatch: async () => ({ baseCommit: 'base', diff: 'the diff' }),
    [Symbol.asyncDispose]: async () => {},
  };
}
