import examples from '@octokit/webhooks-examples' with { type: 'json' };

interface Example {
  readonly name: string;
  readonly examples: readonly Record<string, unknown>[];
}

// The package's types describe an ES module; its content is one JSON list.
const published = examples as unknown as readonly Example[];

/** Every webhook body that GitHub has published as an example, with the event it was sent as. */
export const publishedPayloads = published.flatMap(({ name, examples: bodies }) =>
  bodies.map((body) => ({ name, body })),
);
