import { comment } from './comment.ts';
import { label } from './label.ts';
import type { Trigger } from './trigger.ts';

/** Every way of asking; the first that recognises a delivery takes it. */
export const triggers: readonly Trigger[] = [label, comment];
