import { z } from 'zod';

import type { ToolCall, Turn } from '../../core/attempt.ts';
import { jsonShape } from './json-shape.ts';
import { readArguments } from './read-arguments.ts';
import { readXmlCall } from './xml-call.ts';

/** Calls that were found in a text, without names of their own yet, and what the text says besides. */
export interface RecoveredCalls {
  readonly text: string;
  readonly calls: readonly Omit<ToolCall, 'id'>[];
  readonly recovered: NonNullable<Turn['recovered']>;
}

/**
 * Calls that a server left in the text (DEVSTRAL §4.4), in this order: XML, `[TOOL_CALLS]`, JSON. Only a text that ended
 * by itself may be read: in one that was cut, a call that looks whole need not be. Null when there is no call in it.
 */
export function recoverCalls(text: string, tools: readonly string[]): RecoveredCalls | null {
  return readXml(text, tools) ?? readMarked(text) ?? readJson(text, tools);
}

function readXml(text: string, tools: readonly string[]): RecoveredCalls | null {
  const found = readXmlCall(text, tools);
  return found && { text: found.before, calls: [found.call], recovered: 'xml' };
}

const marker = '[TOOL_CALLS]';
const named = /^\s*([^\s[\]{}]{1,100})\s*(?:\[CALL_ID\][^[\]{}]{0,100})?\[ARGS\]\s*/;

/** Tekken's own words for calls, in the forms of tokenizer versions 3 to 13 (DEVSTRAL §4.3). */
function readMarked(text: string): RecoveredCalls | null {
  const at = text.indexOf(marker);
  if (at < 0) return null;
  const before = text.slice(0, at).trim();
  const calls: Omit<ToolCall, 'id'>[] = [];
  let rest = text.slice(at);
  while (rest.startsWith(marker)) {
    rest = rest.slice(marker.length);
    const match = named.exec(rest);
    if (!match?.[1]) break;
    rest = rest.slice(match[0].length);
    const end = jsonShape(rest).end;
    calls.push({ name: match[1], ...readArguments(rest.slice(0, end)) });
    rest = rest.slice(end).trimStart();
    // Without the marker in between, another name follows at once.
    if (named.test(rest)) rest = `${marker}${rest}`;
  }
  if (calls.length > 0) return { text: before, calls, recovered: 'marker' };
  const listed = rest.trimStart();
  const list = callsIn(parsed(listed.slice(0, jsonShape(listed).end)));
  return list && { text: before, calls: list, recovered: 'marker' };
}

/** A message that is a call, or ends in one: anything in the middle of prose is an example. */
function readJson(text: string, tools: readonly string[]): RecoveredCalls | null {
  const trimmed = text.trim();
  const block =
    /^([\s\S]*?)(?:```(?:json|tool_call)?[ \t]*\n([\s\S]*?)\n?```|<tool_call>([\s\S]*?)<\/tool_call>)$/.exec(trimmed);
  // Where several blocks are quoted, none of them is the call.
  const isOnly = block && !block[1]?.includes('```');
  const inBlock = isOnly ? { before: block[1] ?? '', json: block[2] ?? block[3] ?? '' } : null;
  const found = inBlock ?? endingObject(trimmed);
  const calls = found && callsIn(parsed(found.json));
  if (!found || !calls?.every(({ name }) => tools.includes(name))) return null;
  return { text: found.before.trim(), calls, recovered: 'json' };
}

const longestJson = 1024 ** 2;

/** The object or list that the text ends in, if it begins a line. */
function endingObject(text: string): { before: string; json: string } | null {
  if (!/[}\]]$/.test(text) || text.length > longestJson) return null;
  const start = /^[[{]/m.exec(text);
  return start && { before: text.slice(0, start.index), json: text.slice(start.index) };
}

const One = z.looseObject({
  name: z.string().min(1),
  arguments: z.unknown().optional(),
  parameters: z.unknown().optional(),
});
const Nested = z.looseObject({ function: One });

function callsIn(value: unknown): Omit<ToolCall, 'id'>[] | null {
  const list = Array.isArray(value) ? value : [value];
  const calls = list.flatMap((each) => {
    const call = Nested.safeParse(each).data?.function ?? One.safeParse(each).data;
    const given = call?.arguments ?? call?.parameters;
    return call && given !== undefined ? [{ name: call.name, ...readArguments(given) }] : [];
  });
  return list.length > 0 && calls.length === list.length ? calls : null;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
