import { z } from 'zod';

import type { ToolDefinition } from '../../core/conversation.ts';
import type { Sandbox } from '../../core/ports.ts';
import type { EditHistory } from './edit-history.ts';

/** What a tool acts on. */
export interface ToolContext {
  readonly sandbox: Sandbox;
  readonly history: EditHistory;
  /** Looks over each edit, where there is such a thing: the model is shown the problems that it brought in, or that there are none. */
  readonly lint?: Lint;
}

type Lint = (
  change: { readonly path: string; readonly before: string; readonly after: string },
  signal: AbortSignal,
) => Promise<readonly string[]>;

/** What a call came to: something to show the model, or the end of the attempt. */
export type ToolResult =
  | { readonly kind: 'shown'; readonly text: string; readonly outcome: 'ok' | 'failed' }
  | { readonly kind: 'finished'; readonly message: string };

/** A tool of the agent. `call` takes the arguments as the model gave them, already read as JSON. */
export interface Tool {
  readonly definition: ToolDefinition;
  /** Whether its calls are made again when the sandbox had to be rebuilt: those since the last checkpoint, all, or none. */
  readonly repeats: 'since-checkpoint' | 'always' | 'never';
  /** Arguments that fit, or the reason why not, as the model is told it. */
  call(input: unknown, context: ToolContext): PreparedCall | { readonly problem: string };
}

/** A call whose arguments have been checked. */
interface PreparedCall {
  /** One line for people. */
  readonly title: string;
  /** The arguments as they are meant: with the types that the tool asks for. */
  readonly input: Readonly<Record<string, unknown>>;
  run(signal: AbortSignal): Promise<ToolResult>;
}

/** Makes a tool of a zod schema: the model's definition and the check of its arguments come from the same place. */
export function defineTool<Shape extends z.ZodRawShape>(tool: {
  readonly name: string;
  readonly description: string;
  readonly repeats: Tool['repeats'];
  readonly input: z.ZodObject<Shape>;
  readonly title: (input: z.infer<z.ZodObject<Shape>>) => string;
  readonly run: (input: z.infer<z.ZodObject<Shape>>, context: ToolContext, signal: AbortSignal) => Promise<ToolResult>;
}): Tool {
  const { $schema: _, additionalProperties: __, ...parameters } = z.toJSONSchema(tool.input);
  return {
    definition: { name: tool.name, description: tool.description, parameters },
    repeats: tool.repeats,
    call(input, context) {
      const parsed = tool.input.safeParse(coerced(input, parameters.properties ?? {}));
      if (!parsed.success) {
        const problems = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'arguments'}: ${issue.message}`);
        return {
          problem: `The arguments of ${tool.name} do not fit. ${problems.join('; ')}. Call it again with arguments that do.`,
        };
      }
      return {
        title: `${tool.name}: ${tool.title(parsed.data)}`,
        input: parsed.data,
        run: (signal) => tool.run(parsed.data, context, signal),
      };
    },
  };
}

type Properties = NonNullable<z.core.JSONSchema.BaseSchema['properties']>;

/** Small models write numbers, booleans and arrays as text, and text as numbers (DEVSTRAL §4.4): the schema says what was meant. */
function coerced(input: unknown, properties: Properties): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  return Object.fromEntries(
    Object.entries(input)
      .filter(([, value]) => value !== null)
      .map(([key, value]) => [key, coercedValue(value, properties[key])]),
  );
}

function coercedValue(value: unknown, schema: Properties[string] | undefined): unknown {
  const type = typeof schema === 'object' ? schema.type : undefined;
  if (typeof value === 'string' && (type === 'integer' || type === 'number'))
    return /^-?\d+(\.\d+)?$/.test(value.trim()) ? Number(value) : value;
  if (typeof value === 'string' && (type === 'array' || type === 'boolean')) return parsedJson(value);
  if (type === 'string' && (typeof value === 'number' || typeof value === 'boolean')) return String(value);
  return value;
}

function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text.toLowerCase() === 'true' || text.toLowerCase() === 'false' ? text.toLowerCase() : text);
  } catch {
    return text;
  }
}
