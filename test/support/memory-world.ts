import { setTimeout } from 'node:timers/promises';
import type { z } from 'zod';

import type { ChangedFile } from '../../src/core/patch.ts';
import type { Checkout, Claim, Model, Sandbox } from '../../src/core/ports.ts';
import type { AttemptSettings, JournalEntry } from '../../src/core/run.ts';
import type { World } from '../../src/pipeline/world.ts';
import { task } from '../contracts/runs.ts';
import { memorySandbox } from './memory-sandbox.ts';

/** A claim whose journal and outbox are kept in memory, as they were when a worker was killed. */
export function memoryClaim(entries: JournalEntry[], outbox: Map<string, unknown>): Claim {
  return {
    run: { id: 'testrun', task, state: 'working', outcome: null, fence: 1, receivedAt: new Date(), endedAt: null },
    lost: new AbortController().signal,
    journal: async () => [...entries],
    append: async (entry) => void entries.push(entry),
    addKey: async () => ({ kind: 'ours' }),
    async write<T>(purpose: string, result: z.ZodType<T>, perform: () => Promise<T>): Promise<T> {
      if (outbox.has(purpose)) return result.parse(outbox.get(purpose));
      const made = await perform();
      outbox.set(purpose, made);
      return made;
    },
    finish: async () => {},
    giveBack: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
}

const files = new Map([
  ['package.json', '{"scripts":{"test":"node --test"}}'],
  ['index.js', 'exports.add = (a, b) => a - b;\n'],
]);

/** A junit report in which `add` passes when the file in the sandbox says so. */
const report = (passes: boolean) =>
  `<testsuites><testcase name="adds" classname="test" file="/workspace/t.js">${passes ? '' : '<failure message="no"/>'}</testcase><testcase name="other" classname="test" file="/workspace/t.js"/></testsuites>`;

/** A world without an outside: a repository of two files whose one failing test passes once `a - b` has become `a + b`. */
export function memoryWorld(model: Model, attempts: Partial<AttemptSettings> = {}) {
  const writes: string[] = [];
  const checkout: Checkout = {
    repository: task.repository,
    commit: 'base',
    paths: async () => [...files.keys()],
    read: async (path) => (files.has(path) ? new TextEncoder().encode(files.get(path)) : null),
    workTreeTar: () => {
      throw new Error('Nobody asks for it here');
    },
    gitDirectoryTar: () => {
      throw new Error('Nobody asks for it here');
    },
    // A patch here is the content of the one file that can change.
    apply: async ({ diff }) => ({
      kind: 'applied',
      files:
        diff === ''
          ? []
          : [
              {
                path: 'index.js',
                mode: '100644',
                contentBase64: Buffer.from(diff).toString('base64'),
                added: 1,
                removed: 1,
              },
            ],
    }),
    [Symbol.asyncDispose]: async () => {},
  };
  const openSandbox = (): Sandbox => {
    const held = memorySandbox(Object.fromEntries([...files].map(([path, text]) => [`/workspace/${path}`, text])));
    const current = () => String(held.files.get('/workspace/index.js'));
    const patch = async () => ({ baseCommit: 'base', diff: current() === files.get('index.js') ? '' : current() });
    return {
      ...held,
      putFiles: async (put: readonly ChangedFile[]) => {
        for (const { path, contentBase64 } of put)
          await held.writeFile(
            `/workspace/${path}`,
            Buffer.from(contentBase64 ?? '', 'base64'),
            AbortSignal.timeout(1000),
          );
      },
      execute: async (argv, options, signal) => {
        const into = /destination=(\S+\/report)/.exec(argv.join(' '))?.[1];
        const passes = current().includes('a + b');
        if (into) await held.writeFile(into, new TextEncoder().encode(report(passes)), signal);
        return {
          ...(await held.execute(argv, options, signal)),
          kind: 'exited',
          exitCode: into && !passes ? 1 : 0,
          workingDirectory: '/workspace',
        };
      },
      takePatch: patch,
      peekPatch: patch,
    };
  };
  const world: World = {
    forge: {
      mayWrite: async () => true,
      identify: async () => null,
      base: async () => ({ branch: 'main', commit: 'base' }),
      cloneAccess: async () => ({ url: '', authorization: null }),
      acknowledge: async () => void writes.push('acknowledge'),
      refuse: async () => void writes.push('refuse'),
      putStatus: async () => 1,
      publishCommit: async ({ files: published }) => {
        writes.push(
          `commit ${Buffer.from(published[0]?.contentBase64 ?? '', 'base64')
            .toString()
            .trim()}`,
        );
        return { commit: 'made' };
      },
      openPullRequest: async ({ draft }) => {
        writes.push(draft ? 'draft' : 'pull request');
        return { number: 2, url: 'there' };
      },
    },
    checkouts: { open: async () => checkout, removeLeftovers: async () => {} },
    sandboxes: {
      prepare: async () => ({
        image: 'i',
        baseImage: 'b',
        language: 'JavaScript',
        setUp: [],
        logTail: '',
        cached: true,
        seconds: 0,
      }),
      open: async () => openSandbox(),
      removeLeftovers: async () => {},
    },
    model,
    clock: { now: () => new Date(), sleep: (ms, signal) => setTimeout(ms, undefined, { signal }) },
    log: { info: () => {}, warn: () => {}, error: () => {} },
    attempts: {
      most: 3,
      parallel: 1,
      attempt: { steps: 20, tokens: 1e9, minutes: 5 },
      run: { steps: 60, tokens: 1e9, minutes: 15 },
      paper: false,
      extraTools: true,
      ...attempts,
    },
    stop: new AbortController().signal,
    testsMs: 60_000,
    deadlineMs: 60_000,
    watch: () => {},
  };
  return { world, writes };
}
