import type { ChangedFile } from '../core/patch.ts';
import type { PolicyResult } from '../core/run.ts';

const publishable = new Set(['100644', '100755']);
const fileBytes = 1024 * 1024;
const patchBytes = 5 * 1024 * 1024;
const patchFiles = 200;

// Paths that steer GitHub, CI or git itself (THREATS C8, C9), compared without case: `.GitHub/` is `.github/` on some disks.
const protectedPaths = [
  /(^|\/)\.git($|\/)/,
  /^\.github\//,
  /(^|\/)\.gitmodules$/,
  /(^|\/)\.gitattributes$/,
  /(^|\/)codeowners$/,
  /^action\.ya?ml$/,
  /^\.gitlab-ci\.yml$/,
  /^\.circleci\//,
];

// C0, C1, zero-width, bidi and tag characters: a name must read as what it is.
const unreadable = /[\p{Cc}\p{Cf}\u2028\u2029]/u;

/** Judges what a patch left, before anything runs or is published: refused as a whole, each file with its reason. */
export function judgePatch(files: readonly ChangedFile[], existing: readonly string[]): PolicyResult {
  if (files.length === 0) return { kind: 'empty' };
  const reasons = [...files.flatMap(reasonsAgainst), ...caseCollisions(files, existing), ...sizeReasons(files)];
  return reasons.length > 0 ? { kind: 'refused', reasons } : { kind: 'accepted', files: [...files] };
}

function reasonsAgainst(file: ChangedFile): string[] {
  const name = JSON.stringify(file.path);
  const reasons: string[] = [];
  if (unreadable.test(file.path)) reasons.push(`${name}: control or invisible characters in the name`);
  if (!publishable.has(file.mode)) reasons.push(`${name}: mode ${file.mode} (a link, a submodule or special bits)`);
  if (protectedPaths.some((pattern) => pattern.test(file.path.toLowerCase()))) reasons.push(`${name}: protected path`);
  if (bytesOf(file) > fileBytes) reasons.push(`${name}: larger than ${fileBytes} bytes`);
  return reasons;
}

function caseCollisions(files: readonly ChangedFile[], existing: readonly string[]): string[] {
  const folded = new Map<string, string>();
  const deleted = new Set(files.filter((file) => file.contentBase64 === null).map((file) => file.path));
  for (const path of existing) if (!deleted.has(path)) folded.set(path.toLowerCase(), path);
  return files
    .filter((file) => file.contentBase64 !== null)
    .flatMap((file) => {
      const other = folded.get(file.path.toLowerCase());
      folded.set(file.path.toLowerCase(), file.path);
      return other !== undefined && other !== file.path
        ? [`${JSON.stringify(file.path)}: differs from ${JSON.stringify(other)} only in case`]
        : [];
    });
}

function sizeReasons(files: readonly ChangedFile[]): string[] {
  const total = files.reduce((sum, file) => sum + bytesOf(file), 0);
  return [
    ...(files.length > patchFiles ? [`${files.length} files; at most ${patchFiles} are published`] : []),
    ...(total > patchBytes ? [`${total} bytes in all; at most ${patchBytes} are published`] : []),
  ];
}

function bytesOf(file: ChangedFile): number {
  return file.contentBase64 === null ? 0 : Math.floor((file.contentBase64.length * 3) / 4);
}
