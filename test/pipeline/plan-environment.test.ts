import { describe, expect, it } from 'vitest';

import { planEnvironment } from '../../src/pipeline/plan-environment.ts';

const withDependency = JSON.stringify({ devDependencies: { tape: '5' } });

describe('the environment', () => {
  it.each([
    [
      'npm’s lockfile',
      ['package.json', 'package-lock.json'],
      withDependency,
      'node',
      ['npm ci --ignore-scripts --no-audit --no-fund'],
    ],
    [
      'yarn’s lockfile',
      ['package.json', 'yarn.lock'],
      withDependency,
      'node',
      ['yarn install --frozen-lockfile --ignore-scripts --non-interactive'],
    ],
    [
      'pnpm’s lockfile',
      ['package.json', 'pnpm-lock.yaml'],
      withDependency,
      'node',
      ['pnpm install --frozen-lockfile --ignore-scripts'],
    ],
    [
      'no lockfile: a resolve that writes one',
      ['package.json'],
      withDependency,
      'node',
      ['npm install --ignore-scripts --no-audit --no-fund --package-lock=true'],
    ],
    ['nothing to install', ['package.json'], '{"name":"x"}', 'node', []],
    ['a package.json that is broken', ['package.json'], '{', 'node', []],
    [
      'Python’s requirements',
      ['a.py', 'requirements.txt'],
      null,
      'python',
      ['python3 -m venv --system-site-packages .venv', '.venv/bin/pip install --quiet -r requirements.txt'],
    ],
    ['Python without any', ['a.py'], null, 'python', []],
    ['neither', ['main.c'], null, 'base', []],
  ])('is planned by %s', (_name, paths, packageJson, image, setUp) => {
    expect(planEnvironment(paths, packageJson, {})).toMatchObject({ image, setUp });
  });

  it('is what the settings say, where they say something', () => {
    const plan = planEnvironment(['package.json', 'package-lock.json'], withDependency, {
      image: 'python',
      setUp: ['make deps'],
    });

    expect(plan).toMatchObject({ image: 'python', setUp: ['make deps'] });
  });
});
