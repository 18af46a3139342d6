import type { OpenAiSettings } from '../../src/adapters/openai/openai-model.ts';

/** How the tests' model is reached: quickly given up on, and quickly asked again. */
export function modelSettingsFor(url: string, changes: Partial<OpenAiSettings> = {}): OpenAiSettings {
  return {
    baseUrl: url,
    apiKey: null,
    model: 'devstral',
    profile: 'vllm',
    temperature: 0.15,
    contextTokens: 100_000,
    maxTokens: 1000,
    requestTimeoutMs: 400,
    firstPauseMs: 1,
    log: { warn: () => {} },
    ...changes,
  };
}
