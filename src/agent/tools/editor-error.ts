/** A mistake of the call, in the words that the model is shown. */
export class EditorError extends Error {
  override readonly name = 'EditorError';
}

export function invalidParameter(name: string, value: string, hint: string): EditorError {
  return new EditorError(`Invalid \`${name}\` parameter: ${value}. ${hint}`);
}

export function onlyView(path: string): EditorError {
  return invalidParameter(
    'path',
    path,
    `The path ${path} is a directory and only the \`view\` command can be used on directories.`,
  );
}

export function mustDiffer(newText: string): EditorError {
  return invalidParameter(
    'new_str',
    newText,
    'No replacement was performed. `new_str` and `old_str` must be different.',
  );
}

export function invalidFile(path: string, why: string): EditorError {
  return new EditorError(`File validation failed for ${path}: ${why}`);
}

export function unsayable(path: string, encoding: string, characters: string): EditorError {
  return new EditorError(
    `${path} was not changed: its encoding, ${encoding}, cannot say ${JSON.stringify(characters)}. Use other characters or escapes.`,
  );
}
