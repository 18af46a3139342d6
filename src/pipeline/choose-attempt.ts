import type { Verdict } from '../core/verdict.ts';
import type { Candidate } from './candidate.ts';

/** Whether another attempt is worth making after this one (DEVSTRAL §2.1 for the paper's manner; else the tests decide). */
export function isEnough({ attempt, verdict }: Candidate, { paper }: { readonly paper: boolean }): boolean {
  if (attempt.end.kind === 'stopped') return true;
  if (paper) return attempt.end.kind === 'finished' && attempt.patch.diff.trim() !== '';
  return verdict?.kind === 'verified';
}

const kinds: readonly Verdict['kind'][] = ['verified', 'partly', 'no-regressions', 'unverifiable', 'regresses'];

/**
 * The attempt whose patch goes on. By the tests first, then by what a reviewer has to read (PEERS §4.12); in the paper's
 * manner the newest one with a patch. Null when no patch may be published.
 */
export function chooseAttempt(
  candidates: readonly Candidate[],
  { paper }: { readonly paper: boolean },
): Candidate | null {
  const publishable = candidates.filter(({ policy }) => policy.kind === 'accepted');
  if (paper) return publishable.at(-1) ?? null;
  return publishable.toSorted(compare)[0] ?? null;
}

function compare(a: Candidate, b: Candidate): number {
  const ranks = [ranksOf(a), ranksOf(b)] as const;
  const differing = ranks[0].findIndex((rank, at) => rank !== ranks[1][at]);
  return differing < 0 ? 0 : (ranks[0][differing] ?? 0) - (ranks[1][differing] ?? 0);
}

/** Smaller is better, the first that differs decides. */
function ranksOf({ attempt, policy, verdict }: Candidate): number[] {
  const files = policy.kind === 'accepted' ? policy.files : [];
  return [
    verdict ? kinds.indexOf(verdict.kind) : kinds.length,
    verdict?.provedBy === 'repository' ? 0 : 1,
    attempt.end.kind === 'finished' ? 0 : 1,
    -(verdict?.comparison.fixed.length ?? 0),
    verdict ? verdict.comparison.newlyFailing.length + verdict.comparison.vanished.length : 0,
    files.length,
    files.reduce((sum, file) => sum + file.added + file.removed, 0),
    attempt.steps,
    attempt.number,
  ];
}
