/** The calls that a message holds as text (DEVSTRAL §2.5); the closing tag may be missing, as it is where it was the stop word. */
export function parseXmlCalls(content: string): { name: string; input: Record<string, string> }[] {
  return [...content.matchAll(/<function=([^>\n]+)>([\s\S]*?)(?:<\/function(?:>|$)|(?=<function=)|$)/g)].map(
    ([, name = '', body = '']) => ({ name: name.trim(), input: parametersOf(body) }),
  );
}

function parametersOf(body: string): Record<string, string> {
  const found = body.matchAll(/<parameter=([^>\n]+)>([\s\S]*?)<\/parameter>/g);
  return Object.fromEntries([...found].map(([, name = '', value = '']) => [name.trim(), withoutFrame(value)]));
}

/** A value over several lines stands between one newline at each end. */
function withoutFrame(value: string): string {
  return value.includes('\n') ? value.replace(/^\n/, '').replace(/\n$/, '') : value;
}
