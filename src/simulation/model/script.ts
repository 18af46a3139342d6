/** One turn of a scripted model: what it says and which tools it calls. */
export interface ScriptedTurn {
  readonly text?: string;
  readonly calls?: readonly { readonly name: string; readonly arguments: Readonly<Record<string, unknown>> | string }[];
  readonly finishReason?: string;
}

/** A turn for each answer in order, or a function of the request and of how many answers the conversation holds already. */
export type Script = readonly ScriptedTurn[] | ((conversation: readonly ChatMessage[], turn: number) => ScriptedTurn);

/** A message as it came in; checked before a script sees it. */
export interface ChatMessage {
  readonly role: string;
  readonly content: string;
}

/** The turn that follows the conversation: scripts are stateless, so that a conversation begun anew begins the script anew. */
export function nextTurn(script: Script, conversation: readonly ChatMessage[]): ScriptedTurn {
  const turn = conversation.filter((message) => message.role === 'assistant').length;
  if (typeof script === 'function') return script(conversation, turn);
  return script[turn] ?? script.at(-1) ?? { text: 'The script has no turn.' };
}
