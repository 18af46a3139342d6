/** The work tree that a scaffold's prompt names, as OpenHands' and SWE-agent's do. */
export function rootInPrompt(text: string): string | null {
  return text.match(/<uploaded_files>\s*(\/\S+?)\/?\s*<\/uploaded_files>/)?.[1] ?? null;
}
