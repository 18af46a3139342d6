import { z } from 'zod';

import type { ToolCall } from '../../core/attempt.ts';
import type { RecordedStep } from './recording.ts';

/** Puts one work tree's path in the place of another's, where it stands as a path and not inside a longer name. */
export function movePaths(text: string, from: string, to: string): string {
  if (from === to) return text;
  const quoted = RegExp.escape(from);
  const path = new RegExp(`(?:(?<=file://)|(?<![\\w.\\-/]))${quoted}(?![\\w\\-]|\\.\\w)`, 'g');
  return text.replace(path, () => to);
}

/** The same call in another work tree: every text among its arguments is moved, whole files that it writes too. */
export function moveCall(call: ToolCall, from: string, to: string): ToolCall {
  const input = parsedArguments(call.arguments);
  if (from === to || input === null) return call;
  const move = (value: unknown): unknown => {
    if (typeof value === 'string') return movePaths(value, from, to);
    return Array.isArray(value) ? value.map(move) : value;
  };
  const moved = Object.fromEntries(Object.entries(input).map(([key, value]) => [key, move(value)]));
  return { ...call, arguments: JSON.stringify(moved) };
}

const usualRoots = ['/testbed', '/workspace', '/repo', '/app'];

/** Where the repository was, told by the directories that the calls went to; null when they name none. */
export function guessRoot(steps: readonly RecordedStep[]): string | null {
  const paths = steps
    .flatMap((step) => (step.kind === 'call' ? pathsOf(step.call) : []))
    .filter((path) => path !== '/' && path !== '/tmp' && !path.startsWith('/tmp/'));
  const [first] = paths;
  if (first === undefined) return null;
  // OpenHands' evaluations keep the repository one level below, in a folder named as the instance is.
  const instance = paths.map((path) => path.match(/^\/workspace\/[^/]*__[^/]*/)?.[0]).find(Boolean);
  const usual = usualRoots.find((root) => first === root || first.startsWith(`${root}/`));
  if (instance && usual === '/workspace') return instance;
  const above = paths.filter((path) => first === path || first.startsWith(`${path}/`));
  return usual ?? above.reduce((best, path) => (path.length < best.length ? path : best), first);
}

function pathsOf(call: ToolCall): string[] {
  const { path, command } = parsedArguments(call.arguments) ?? {};
  if (call.name === 'str_replace_editor') return typeof path === 'string' && path.startsWith('/') ? [tidy(path)] : [];
  if (call.name !== 'execute_bash' || typeof command !== 'string') return [];
  const changes = command.matchAll(/(?:^|[;&|(\n])\s*cd\s+["']?(\/[^\s"';&|)]+)/g);
  return [...changes].map(([, directory = '']) => tidy(directory));
}

function tidy(path: string): string {
  return path.replace(/(?<=.)\/+$/, '');
}

const Arguments = z.record(z.string(), z.unknown());

function parsedArguments(text: string): Record<string, unknown> | null {
  try {
    return Arguments.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
