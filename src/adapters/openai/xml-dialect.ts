import { z } from 'zod';

import type { ToolCall } from '../../core/attempt.ts';
import type { Message, ToolDefinition } from '../../core/conversation.ts';

/** A message of the text protocol: it knows no calls and no tools. */
interface XmlMessage {
  readonly role: 'system' | 'user' | 'assistant';
  content: string;
}

/** A conversation as Devstral 1.x saw it (DEVSTRAL §2.5): tools told of in the system message, calls as text, results as user turns. */
export function xmlMessages(messages: readonly Message[], tools: readonly ToolDefinition[]): XmlMessage[] {
  const put: XmlMessage[] = [];
  if (tools.length > 0 && messages[0]?.role !== 'system') put.push({ role: 'system', content: instructions(tools) });
  for (const message of messages) {
    const last = put.at(-1);
    if (message.role === 'tool') {
      const content = `EXECUTION RESULT of [${message.tool}]:\n${message.text || '(no output)'}`;
      // Several results of one turn stand in one message: roles alternate.
      if (last?.role === 'user') last.content += `\n\n${content}`;
      else put.push({ role: 'user', content });
    } else if (message.role === 'assistant') {
      const calls = message.toolCalls.map(renderCall);
      put.push({ role: 'assistant', content: [message.text, ...calls].filter(Boolean).join('\n\n') });
    } else if (message.role === 'system' && tools.length > 0) {
      put.push({ role: 'system', content: `${message.text}\n\n${instructions(tools)}` });
    } else {
      put.push({ role: message.role, content: message.text });
    }
  }
  return put;
}

/** A call as the model itself would have written it. */
function renderCall({ name, arguments: text }: Pick<ToolCall, 'name' | 'arguments'>): string {
  const values = z.record(z.string(), z.unknown()).safeParse(parsed(text));
  const parameters = Object.entries(values.data ?? {}).map(([key, value]) => {
    const shown = typeof value === 'string' ? value : JSON.stringify(value);
    return `<parameter=${key}>${shown.includes('\n') ? `\n${shown}\n` : shown}</parameter>\n`;
  });
  return `<function=${name}>\n${parameters.join('')}</function>`;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}

function instructions(tools: readonly ToolDefinition[]): string {
  const described = tools.map(({ name, description, parameters }, at) =>
    [
      `---- BEGIN FUNCTION #${at + 1}: ${name} ----`,
      `Description: ${description}`,
      ...parameterLines(parameters),
      `---- END FUNCTION #${at + 1} ----`,
    ].join('\n'),
  );
  return `You have access to the following functions:

${described.join('\n\n')}

To call one, write it in this form, and nothing after it:

<function=example_function_name>
<parameter=example_parameter_1>value_1</parameter>
<parameter=example_parameter_2>
A value of
several lines
</parameter>
</function>

<IMPORTANT>
* A call begins with <function= and ends with </function>.
* Every required parameter has to be there.
* One call in a message; its result comes before you go on.
* What you want to say stands before the call, never after it.
</IMPORTANT>`;
}

const Parameters = z.object({
  properties: z
    .record(
      z.string(),
      z.looseObject({
        type: z.string().optional(),
        description: z.string().optional(),
        enum: z.array(z.unknown()).optional(),
      }),
    )
    .default({}),
  required: z.array(z.string()).default([]),
});

function parameterLines(parameters: ToolDefinition['parameters']): string[] {
  const { properties, required } = Parameters.parse(parameters);
  const entries = Object.entries(properties);
  if (entries.length === 0) return ['No parameters.'];
  return [
    'Parameters:',
    ...entries.map(([name, { type = 'any', description = '', enum: allowed }], at) => {
      const need = required.includes(name) ? 'required' : 'optional';
      const values = allowed ? ` Allowed values: [${allowed.map((value) => `\`${String(value)}\``).join(', ')}]` : '';
      return `  (${at + 1}) ${name} (${type}, ${need}): ${description}${values}`;
    }),
  ];
}
