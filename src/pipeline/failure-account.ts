import type { Candidate } from './candidate.ts';

const lineCharacters = 300;
const namesShown = 5;

/** Why a patch was not enough, in at most five lines for the next attempt (PEERS §4.17). */
export function failureAccount({ attempt, policy, verdict }: Candidate): string {
  const lines = [
    attempt.end.kind === 'finished'
      ? 'It said that it was done.'
      : `It did not finish: it was ended by ${attempt.end.kind}.`,
    policy.kind === 'empty' ? 'It changed nothing.' : null,
    policy.kind === 'refused' ? `Its patch may not be published: ${policy.reasons.join('; ')}` : null,
    policy.kind === 'accepted'
      ? `It changed ${policy.files.map(({ path, added, removed }) => `${path} (+${added} −${removed})`).join(', ')}.`
      : null,
    verdict && `The tests said: ${verdict.headline}.`,
    ...(verdict ? failing(verdict) : []),
  ];
  return lines
    .filter((line) => line !== null)
    .slice(0, 5)
    .map((line) => line.replaceAll(/\s+/g, ' ').slice(0, lineCharacters).toWellFormed())
    .join('\n');
}

function failing({ comparison, patched }: NonNullable<Candidate['verdict']>): string[] {
  const names = [...comparison.newlyFailing, ...comparison.vanished, ...comparison.newFailing];
  const listed = names.length > 0 ? [`With it these fail: ${names.slice(0, namesShown).join(' | ')}`] : [];
  const first = patched.tests.find(
    ({ status, message }) => (status === 'failed' || status === 'error') && message.trim() !== '',
  );
  return first ? [...listed, `The first failing test, ${first.name}, says: ${first.message}`] : listed;
}
