import type { ToolCall } from '../../core/attempt.ts';

/** The first call of a text in the XML protocol, and what stands before it; what stands behind it is invented. */
interface XmlCall {
  readonly before: string;
  readonly call: Omit<ToolCall, 'id'>;
}

/**
 * Reads `<function=name><parameter=key>value</parameter></function>`, with the slips that Devstral makes (DEVSTRAL §2.5):
 * a blank for the `=`, `<parameter=key=value</parameter>`, and an end that the stop word took away. A parameter that is
 * not closed was not finished: the call is answered and not run.
 */
export function readXmlCall(text: string, tools: readonly string[]): XmlCall | null {
  const open = /<function=\s*([^>\s<]{1,100})\s*>/.exec(text) ?? slipOf(text, tools);
  if (!open) return null;
  const name = open[1] ?? '';
  const rest = text.slice(open.index + open[0].length);
  const end = rest.indexOf('</function');
  const body = end < 0 ? rest : rest.slice(0, end);
  return { before: text.slice(0, open.index).trim(), call: { name, ...readParameters(body) } };
}

/** `<function str_replace_editor>`: only with a name that there is, for it could be anybody's markup. */
function slipOf(text: string, tools: readonly string[]): RegExpExecArray | null {
  const found = /<function\s+([\w-]{1,100})\s*>/.exec(text);
  return found && tools.includes(found[1] ?? '') ? found : null;
}

const parameter = /<parameter=([^>=\s<]+)(?:>|=)([\s\S]*?)<\/parameter>/g;

function readParameters(body: string): Pick<ToolCall, 'arguments' | 'problem'> {
  const values = new Map<string, string>();
  let isTwice = false;
  const rest = body.replace(parameter, (_whole, key: string, value: string) => {
    isTwice ||= values.has(key);
    // A value of several lines has a line break of the form's own at both ends.
    values.set(key, value.replace(/^\n/, '').replace(/\n$/, ''));
    return '';
  });
  const refused = (why: string) => ({
    arguments: '{}',
    problem: `${why} Write the call again: <function=name>, one <parameter=key>value</parameter> for each parameter, </function>.`,
  });
  if (rest.includes('<parameter')) return refused('A parameter of the call is not closed.');
  if (rest.trim() !== '') return refused('Something in the call stands outside of its parameters.');
  if (isTwice) return refused('A parameter of the call is given twice.');
  return { arguments: JSON.stringify(Object.fromEntries(values)) };
}
