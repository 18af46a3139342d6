import { z } from 'zod';

// The strictest server's schema: unknown fields are refused (DEVSTRAL §4.1).
const Call = z.strictObject({
  id: z.string().regex(/^[a-zA-Z0-9]{9}$/, 'tool call ids have nine letters or digits'),
  type: z.literal('function'),
  function: z.strictObject({
    name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
    arguments: z.string().refine(isJsonObject, 'arguments are not a JSON object'),
  }),
});

const ChatMessage = z.discriminatedUnion('role', [
  z.strictObject({ role: z.literal('system'), content: z.string() }),
  z.strictObject({ role: z.literal('user'), content: z.string() }),
  z.strictObject({ role: z.literal('assistant'), content: z.string(), tool_calls: z.array(Call).min(1).optional() }),
  z.strictObject({
    role: z.literal('tool'),
    content: z.string().min(1),
    tool_call_id: z.string().regex(/^[a-zA-Z0-9]{9}$/, 'tool call ids have nine letters or digits'),
    name: z.string().optional(),
  }),
]);

const ChatRequest = z.strictObject({
  model: z.string(),
  messages: z.array(ChatMessage).min(1),
  temperature: z.number().min(0).max(1.5).optional(),
  max_tokens: z.number().int().positive().optional(),
  max_completion_tokens: z.number().int().positive().optional(),
  parallel_tool_calls: z.boolean().optional(),
  stop: z.union([z.string(), z.array(z.string()).min(1).max(4)]).optional(),
  tool_choice: z.enum(['auto', 'none', 'any', 'required']).optional(),
  tools: z
    .array(
      z.strictObject({
        type: z.literal('function'),
        function: z.strictObject({
          name: z.string().regex(/^[a-zA-Z0-9_-]{1,64}$/),
          description: z.string().min(1),
          parameters: z.record(z.string(), z.unknown()),
        }),
      }),
    )
    .min(1)
    .max(128)
    .optional(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

/** A request that real servers would take, or what is wrong with it: `code` is Mistral's number for it (DEVSTRAL §4.2). */
export type Checked =
  | { readonly kind: 'valid'; readonly request: ChatRequest }
  | {
      readonly kind: 'refused';
      readonly rule: 'schema' | 'order';
      readonly code: number | null;
      readonly message: string;
    };

/** Checks a request as Mistral's validator does: its shape first, then the order of its turns. */
export function checkRequest(body: unknown): Checked {
  const parsed = ChatRequest.safeParse(body);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const isId = issue?.message.includes('nine letters');
    const message = `${issue?.path.join('.')}: ${issue?.message}`;
    return { kind: 'refused', rule: 'schema', code: isId ? 3280 : null, message };
  }
  const problem = orderProblem(parsed.data.messages);
  if (!problem) return { kind: 'valid', request: parsed.data };
  return { kind: 'refused', rule: 'order', code: /Unexpected role/.test(problem) ? 3230 : 3001, message: problem };
}

/** DEVSTRAL §4.2: one result for each call, directly after it and in order; no user after a tool; nothing after the end. */
function orderProblem(messages: ChatRequest['messages']): string | null {
  let open: string[] = [];
  let last = 'start';
  for (const [at, message] of messages.entries()) {
    if (message.role === 'system' && at > 0) return "Unexpected role 'system' after the beginning";
    if (message.role === 'tool') {
      if (open[0] !== message.tool_call_id) return `Unexpected tool result ${message.tool_call_id}`;
      open = open.slice(1);
    } else if (open.length > 0) {
      return 'Not the same number of function calls and responses';
    }
    if (message.role === 'user' && last === 'tool') return "Unexpected role 'user' after role 'tool'";
    if (message.role === 'user' && last === 'user') return 'Conversation roles must alternate';
    if (message.role === 'assistant') {
      if (last !== 'user' && last !== 'tool') return `Unexpected role 'assistant' after role '${last}'`;
      if (message.content === '' && !message.tool_calls)
        return 'Assistant message must have either content or tool_calls';
      open = (message.tool_calls ?? []).map((call) => call.id);
      if (new Set(open).size !== open.length) return 'Duplicate tool call id';
    }
    last = message.role;
  }
  if (open.length > 0) return 'Not the same number of function calls and responses';
  return last === 'user' || last === 'tool' ? null : `Expected last role user or tool but got ${last}`;
}

function isJsonObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}
