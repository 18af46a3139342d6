import type { Checkout } from '../core/ports.ts';

// PEERS §1.4: what repositories write for agents and contributors. The first two name the same reader.
const instructionFiles = ['AGENTS.md', 'CONTRIBUTING.md', '.github/CONTRIBUTING.md'];
const instructionBytes = 32 * 1024;

/** The repository's own instructions at the base commit, which is on the default branch; quoted to the model as data. */
export async function readInstructions(
  checkout: Checkout,
  signal: AbortSignal,
): Promise<{ path: string; text: string }[]> {
  const found: { path: string; text: string }[] = [];
  for (const path of instructionFiles) {
    const bytes = await checkout.read(path, instructionBytes, signal);
    if (bytes) found.push({ path, text: new TextDecoder().decode(bytes) });
  }
  return found;
}
