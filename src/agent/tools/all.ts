import { executeBash } from './execute-bash.ts';
import { finish } from './finish.ts';
import { search } from './search.ts';
import { strReplaceEditor } from './str-replace-editor.ts';
import { taskTracker } from './task-tracker.ts';
import { think } from './think.ts';
import type { Tool } from './tool.ts';

/** The agent's tools, in the order that the model was trained with. A new one is a file and a line here. */
const makers: readonly { readonly make: () => Tool; readonly extra?: true }[] = [
  { make: () => executeBash() },
  { make: () => think },
  { make: () => finish },
  { make: () => strReplaceEditor },
  // Not in the paper's setting.
  { make: taskTracker, extra: true },
  { make: search, extra: true },
];

/** A set of them for one attempt: some keep something from call to call. `extras`: those that the paper did without. */
export function openTools({ extras }: { extras: boolean }): readonly Tool[] {
  return makers.filter((each) => extras || !each.extra).map((each) => each.make());
}
