/** A mistake of the call, in the words that the model is shown. */
export class EditorError extends Error {
  override readonly name = 'EditorError';
}

export function invalidParameter(name: string, value: string, hint: string): EditorError {
  return new EditorError(`Invalid \`${name}\` parameter: ${value}. ${hint}`);
}
