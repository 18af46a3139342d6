import type { Notice, Step } from '../core/attempt.ts';
import type { Limits } from '../core/run.ts';
import type { Trajectory } from '../core/trajectory.ts';
import { usedBy, wrapUpText } from './budget.ts';
import { type StuckRule, stuckAdvice, stuckIn } from './stuck.ts';

/** What has to be said below the newest result: each thing once an attempt. */
export function noticesAt(
  trajectory: Pick<Trajectory, 'steps' | 'condensations'>,
  restarted: Notice | null,
  { limits, manner }: { readonly limits: Limits; readonly manner: { readonly paper: boolean } },
): Notice[] {
  const { steps } = trajectory;
  const notices = restarted ? [restarted] : [];
  const newest = steps.at(-1);
  const isComplete = newest && newest.observations.length === newest.turn.toolCalls.length;
  if (manner.paper || !isComplete) return notices;
  const wrapUp = wrapUpText(usedBy(trajectory), limits);
  if (wrapUp && toldAt(steps, 'wrap-up') === null) notices.push({ kind: 'wrap-up', text: wrapUp });
  const rule = stuckRuleAt(steps);
  if (rule && toldAt(steps, 'stuck', rule) === null) notices.push({ kind: 'stuck', rule, text: stuckAdvice[rule] });
  return notices;
}

/** The rule that ends the attempt: one that still holds after its advice, or any in the paper's manner. */
export function stuckEnd(steps: readonly Step[], { paper }: { readonly paper: boolean }): StuckRule | null {
  const rule = stuckRuleAt(steps);
  if (!rule) return null;
  // Talk has no result that advice could stand in: the answers to it were the advice.
  if (paper || rule === 'same-message') return rule;
  const told = toldAt(steps, 'stuck', rule);
  return told !== null && told < steps.length ? rule : null;
}

/** Failures from before the advice do not count again. */
function stuckRuleAt(steps: readonly Step[]): StuckRule | null {
  return stuckIn(steps, toldAt(steps, 'stuck', 'mostly-failing') ?? 0);
}

/** After how many steps something was said, or null. */
function toldAt(steps: readonly Step[], kind: Notice['kind'], rule?: StuckRule): number | null {
  const at = steps.findLastIndex(({ observations }) =>
    observations.some(({ notices = [] }) => notices.some((each) => each.kind === kind && each.rule === rule)),
  );
  return at < 0 ? null : at + 1;
}
