import { runners } from './runners/all.ts';

type Scripts = Readonly<Record<string, string>>;

// Coverage is not needed, and its wrappers stand between us and the runner.
const wrappers = /^(?:nyc|c8|covert|istanbul\s+cover|cross-env)\s+(?:--?\S+\s+)*(?:--\s+)?/;
const compiles = /\b(?:tsc|build|compile|babel|rollup|webpack|esbuild|swc|prepare)\b/;

/**
 * Finds the runner in a script: scripts that it calls are followed, what lints or audits is left out, what compiles
 * before it is kept. Null when no runner of ours is in it.
 */
export function runnerPart(script: string, scripts: Scripts): { runner: string; command: string } | null {
  const before =
    scripts.pretest && compiles.test(scripts.pretest)
      ? partsOf(scripts.pretest, scripts, 0).filter((part) => compiles.test(part))
      : [];
  const parts = partsOf(script, scripts, 0);
  for (const [at, part] of parts.entries()) {
    const runner = runners.find((each) => each.recognises(part));
    if (!runner) continue;
    const needed = [...before, ...parts.slice(0, at).filter((each) => compiles.test(each))];
    return { runner: runner.name, command: [...needed, part].join(' && ') };
  }
  return null;
}

const deepest = 5;

/** The commands of a script in order, with the scripts it runs put in their place. */
function partsOf(script: string, scripts: Scripts, depth: number): string[] {
  return split(script).flatMap((whole) => {
    const part = whole.replace(wrappers, '');
    const called = part.match(
      /^(?:npm|pnpm|yarn)\s+(?:(?:run|run-script)\s+)?(?:-s\s+|--silent\s+)*([\w:.-]+)(?:\s+(?:--silent|-s))?(?:\s+--\s+(.*))?$/,
    );
    const name = called?.[1] === 't' ? 'test' : called?.[1];
    const inner = name === undefined ? undefined : scripts[name];
    if (inner === undefined || depth === deepest) return [part];
    const parts = partsOf(inner, scripts, depth + 1);
    const last = parts.at(-1);
    return called?.[2] && last ? [...parts.slice(0, -1), `${last} ${called[2]}`] : parts;
  });
}

/** Splits at && and ; outside of quotes. */
function split(script: string): string[] {
  const parts: string[] = [];
  let part = '';
  let quote = '';
  for (let at = 0; at < script.length; at++) {
    const sign = script[at] ?? '';
    if (quote) quote = sign === quote ? '' : quote;
    else if (sign === '"' || sign === "'") quote = sign;
    else if (sign === ';' || script.startsWith('&&', at)) {
      parts.push(part);
      part = '';
      at += sign === ';' ? 0 : 1;
      continue;
    }
    part += sign;
  }
  return [...parts, part].map((each) => each.trim()).filter(Boolean);
}
