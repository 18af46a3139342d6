/** Every form in which a secret could leave: as it is, encoded, reversed, in halves, or without its beginning (THREATS I3). */
function formsOf(secret: string): string[] {
  const bytes = Buffer.from(secret);
  const half = Math.ceil(secret.length / 2);
  return [
    secret,
    bytes.toString('base64').replace(/=+$/, ''),
    bytes.toString('base64url'),
    bytes.toString('hex'),
    encodeURIComponent(secret),
    [...secret].reverse().join(''),
    secret.slice(0, half),
    secret.slice(half),
    secret.slice(7),
  ];
}

/** Which of the secrets, in any form, stand in the text. */
export function secretsIn(text: string, secrets: ReadonlyMap<string, string>): string[] {
  return [...secrets].filter(([, secret]) => formsOf(secret).some((form) => text.includes(form))).map(([name]) => name);
}
