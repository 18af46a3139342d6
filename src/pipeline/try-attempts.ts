import { usedBy } from '../agent/budget.ts';
import { LeaseLost } from '../core/errors.ts';
import type { AttemptSettings, JournalEntry, Limits } from '../core/run.ts';
import { trajectoryOf } from '../core/trajectory.ts';
import type { Candidate } from './candidate.ts';
import { isEnough } from './choose-attempt.ts';

/** Makes one attempt and judges it. `earlier`: those judged before it began. `stop` asks it to come to an end. */
export type TryOnce = (
  attempt: { readonly number: number; readonly limits: Limits; readonly earlier: readonly Candidate[] },
  stop: AbortSignal,
  signal: AbortSignal,
) => Promise<Candidate>;

/**
 * Attempts one after another, or some side by side where the settings say so, until one is enough or nothing is left to
 * spend. Whoever is still at work when one is enough is asked to stop.
 */
export async function tryAttempts(
  tryOnce: TryOnce,
  { settings, journal, stop }: { settings: AttemptSettings; journal: () => Promise<JournalEntry[]>; stop: AbortSignal },
  signal: AbortSignal,
): Promise<Candidate[]> {
  const enough = new AbortController();
  const broken = new AbortController();
  const stopping = AbortSignal.any([stop, enough.signal]);
  const candidates: Candidate[] = [];
  // What attempts at work may still use is not there for others.
  const reserved = new Map<number, Limits>();
  let started = 0;

  const lane = async (): Promise<void> => {
    while (started < settings.most && !stopping.aborted) {
      const number = ++started;
      const limits = limitsLeft(await journal(), number, settings, reserved);
      if (!limits) return;
      reserved.set(number, limits);
      const candidate = await tryOnce(
        { number, limits, earlier: [...candidates] },
        stopping,
        AbortSignal.any([signal, broken.signal]),
      );
      reserved.delete(number);
      candidates.push(candidate);
      if (isEnough(candidate, settings)) enough.abort('other-attempt');
    }
  };
  const lanes = Array.from({ length: Math.min(settings.parallel, settings.most) }, () =>
    lane().catch((error: unknown) => {
      broken.abort(error);
      throw error;
    }),
  );
  const failures = (await Promise.allSettled(lanes)).flatMap((each) =>
    each.status === 'rejected' ? [each.reason] : [],
  );
  if (failures.length > 0) throw failures.find((error) => error instanceof LeaseLost) ?? broken.signal.reason;
  return candidates.toSorted((a, b) => a.attempt.number - b.attempt.number);
}

/** What an attempt may use: its own limits, or what the run has left of its; null when that is too little to begin with. */
function limitsLeft(
  journal: readonly JournalEntry[],
  number: number,
  { attempt, run, most }: AttemptSettings,
  reserved: ReadonlyMap<number, Limits>,
): Limits | null {
  const others = Array.from({ length: most }, (_, at) => at + 1).filter((other) => other !== number);
  const used = others.map((other) => reserved.get(other) ?? usedBy(trajectoryOf(journal, other)));
  const left = (name: keyof Limits) => run[name] - used.reduce((sum, each) => sum + each[name], 0);
  const limits = {
    steps: Math.min(attempt.steps, left('steps')),
    tokens: Math.min(attempt.tokens, left('tokens')),
    minutes: Math.min(attempt.minutes, left('minutes')),
  };
  const worthwhile = 0.1; // of a whole attempt: with less, nothing comes of it
  const isTooLittle = (['steps', 'tokens', 'minutes'] as const).some(
    (name) => limits[name] < attempt[name] * worthwhile,
  );
  return number > 1 && isTooLittle ? null : limits;
}
