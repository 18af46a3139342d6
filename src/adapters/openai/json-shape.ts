/** How far the JSON value at the beginning of a text goes (the whole text when it does not end), and how deep it is nested. */
export function jsonShape(text: string): { readonly end: number; readonly depth: number } {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const sign = text[at];
    if (inString) {
      if (sign === '\\') at++;
      else if (sign === '"') inString = false;
    } else if (sign === '"') inString = true;
    else if (sign === '{' || sign === '[') deepest = Math.max(deepest, ++depth);
    else if ((sign === '}' || sign === ']') && --depth <= 0) return { end: at + 1, depth: deepest };
  }
  return { end: text.length, depth: deepest };
}
