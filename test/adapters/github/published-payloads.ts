import { createRequire } from 'node:module';

interface Example {
  readonly name: string;
  readonly examples: readonly Record<string, unknown>[];
}

// The package's types describe an ES module, its content is one JSON file.
const published: readonly Example[] = createRequire(import.meta.url)('@octokit/webhooks-examples');

/** Every webhook body that GitHub has published as an example, with the event it was sent as. */
export const publishedPayloads = published.flatMap(({ name, examples }) => examples.map((body) => ({ name, body })));
