import type { ContextProbe } from './context-size.ts';
import { llamacppContext, mistralContext, ollamaContext, unknownContext, vllmContext } from './context-size.ts';

/** How calls and results are put into words: as the protocol's own fields, or as the text that Devstral 1.x was trained on. */
export type DialectName = 'native' | 'xml';

/** What one kind of server wants and does otherwise (DEVSTRAL §4.1–4.3). */
export interface Profile {
  /** The field that bounds an answer's length; Mistral's schema refuses the newer name. */
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /** Tool messages carry the tool's name. */
  readonly namesTools: boolean;
  /** The server knows `parallel_tool_calls`; where it is ignored or refused it is not sent. */
  readonly parallelToolCalls: boolean;
  /** An answer names the model exactly as the request did; elsewhere it may name a file or what an alias stands for. */
  readonly echoesModel: boolean;
  readonly dialect: DialectName;
  /** Asks the server how long a conversation may be. */
  readonly contextSize: ContextProbe;
}

const common = { maxTokensField: 'max_tokens', namesTools: false, parallelToolCalls: true, dialect: 'native' } as const;

/** Every server we know. A new one is a line here. */
export const profiles = {
  vllm: { ...common, echoesModel: true, contextSize: vllmContext },
  llamacpp: { ...common, echoesModel: false, contextSize: llamacppContext },
  ollama: { ...common, parallelToolCalls: false, echoesModel: true, contextSize: ollamaContext },
  mistral: { ...common, namesTools: true, echoesModel: false, contextSize: mistralContext },
  openai: {
    ...common,
    maxTokensField: 'max_completion_tokens',
    echoesModel: false,
    contextSize: unknownContext,
  },
} satisfies Record<string, Profile>;

export type ProfileName = keyof typeof profiles;
