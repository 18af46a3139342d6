const shownCharacters = 12_000;

/** What the first `finish` is answered with (PEERS §4.10): the patch as it stands, and what to look at before it counts. */
export function reviewText(diff: string): string {
  if (diff.trim() === '') {
    return 'Nothing has been changed in the repository, so there is nothing to hand over yet. If that is what you mean, call `finish` again and say why; otherwise go on.';
  }
  const shown =
    diff.length <= shownCharacters
      ? diff
      : `${diff.slice(0, shownCharacters)}\n[... ${diff.length - shownCharacters} more characters: see \`git diff\` ...]`.toWellFormed();
  return `This is what you have changed:\n\n${shown}\n\nBefore you hand it over:
1. Run what showed the problem once more, and see that it is gone.
2. Remove files that you made only to try something.
3. Restore tests that were not meant to change.
Then call \`finish\` again; that one counts.`;
}
