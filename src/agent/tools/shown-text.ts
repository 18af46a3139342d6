const shownCharacters = 16_000; // DEVSTRAL §2.4

const leftOut = {
  file: 'You should retry this tool after you have searched inside the file with `grep -n` in order to find the line numbers of what you are looking for.',
  directory: 'You should use `ls -la` instead to view large directories incrementally.',
};

/** Lines with their numbers, in the words and columns that the model was trained with. */
export function numbered(content: string, what: string, first = 1): string {
  const lines = clipped(content, 'file')
    .split('\n')
    .map((line, at) => `${String(first + at).padStart(6)}\t${line}`);
  return `Here's the result of running \`cat -n\` on ${what}:\n${lines.join('\n')}\n`;
}

/** As much as the model is shown at once, and how to see the rest. */
export function clipped(content: string, of: 'file' | 'directory'): string {
  if (content.length <= shownCharacters) return content;
  // Counted in characters, so that none is cut in two.
  const characters = Array.from(content.slice(0, 2 * shownCharacters + 2));
  if (content.length <= 2 * shownCharacters && characters.length <= shownCharacters) return content;
  return `${characters.slice(0, shownCharacters).join('')}<response clipped><NOTE>Due to the max output limit, only part of this ${of} has been shown to you. ${leftOut[of]}</NOTE>`;
}
