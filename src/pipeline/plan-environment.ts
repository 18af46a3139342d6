import { z } from 'zod';

import type { EnvironmentPlan } from '../core/ports.ts';
import type { RepositorySettings } from './read-settings.ts';

const Manifest = z.object({
  dependencies: z.record(z.string(), z.unknown()).optional(),
  devDependencies: z.record(z.string(), z.unknown()).optional(),
  workspaces: z.unknown().optional(),
});

const quiet = '--ignore-scripts --no-audit --no-fund';

/**
 * Decides from the repository's own files how its environment is made; settings win. Install scripts stay off. Where
 * there is no lockfile the resolve writes one, which stays in the environment and so records what was resolved.
 */
export function planEnvironment(
  paths: readonly string[],
  packageJson: string | null,
  settings: RepositorySettings,
): EnvironmentPlan {
  const found = packageJson !== null ? planNode(paths, packageJson) : planOther(paths);
  return { ...found, image: settings.image ?? found.image, setUp: settings.setUp ?? found.setUp };
}

function planNode(paths: readonly string[], packageJson: string): EnvironmentPlan {
  const language = 'JavaScript';
  const has = (path: string) => paths.includes(path);
  const plan = (...setUp: string[]): EnvironmentPlan => ({ language, image: 'node', setUp });
  if (has('package-lock.json') || has('npm-shrinkwrap.json')) return plan(`npm ci ${quiet}`);
  if (has('yarn.lock')) return plan('yarn install --frozen-lockfile --ignore-scripts --non-interactive');
  if (has('pnpm-lock.yaml')) return plan('pnpm install --frozen-lockfile --ignore-scripts');
  return needsInstall(packageJson) ? plan(`npm install ${quiet} --package-lock=true`) : plan();
}

function needsInstall(packageJson: string): boolean {
  const manifest = Manifest.safeParse(parseJson(packageJson));
  if (!manifest.success) return false;
  const { dependencies = {}, devDependencies = {}, workspaces } = manifest.data;
  return Object.keys(dependencies).length + Object.keys(devDependencies).length > 0 || workspaces !== undefined;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // A broken package.json is the repository's own trouble; its tests will say so.
    return null;
  }
}

function planOther(paths: readonly string[]): EnvironmentPlan {
  const isPython = paths.some(
    (path) => path.endsWith('.py') || ['pyproject.toml', 'setup.py', 'requirements.txt'].includes(path),
  );
  if (!isPython) return { language: 'unknown', image: 'base', setUp: [] };
  const requirements = ['requirements.txt', 'requirements-dev.txt', 'dev-requirements.txt', 'test-requirements.txt'];
  const present = requirements.filter((path) => paths.includes(path));
  const install = present.map((path) => `.venv/bin/pip install --quiet -r ${path}`);
  // In the work tree, where it is writable; the environment's own python3-pytest stays visible through it.
  const setUp = install.length > 0 ? ['python3 -m venv --system-site-packages .venv', ...install] : [];
  return { language: 'Python', image: 'python', setUp };
}
