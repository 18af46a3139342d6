/** What one kind of server wants and does otherwise (DEVSTRAL §4.1–4.3). */
export interface Profile {
  /** The field that bounds an answer's length; Mistral's schema refuses the newer name. */
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /** Tool messages carry the tool's name. */
  readonly namesTools: boolean;
  /** The server knows `parallel_tool_calls`; where it is ignored or refused it is not sent. */
  readonly parallelToolCalls: boolean;
}

/** Every server we know. A new one is a line here. */
export const profiles = {
  vllm: { maxTokensField: 'max_tokens', namesTools: false, parallelToolCalls: true },
  llamacpp: { maxTokensField: 'max_tokens', namesTools: false, parallelToolCalls: true },
  ollama: { maxTokensField: 'max_tokens', namesTools: false, parallelToolCalls: false },
  mistral: { maxTokensField: 'max_tokens', namesTools: true, parallelToolCalls: true },
  openai: { maxTokensField: 'max_completion_tokens', namesTools: false, parallelToolCalls: true },
} satisfies Record<string, Profile>;

export type ProfileName = keyof typeof profiles;
