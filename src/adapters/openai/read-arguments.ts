import type { ToolCall } from '../../core/attempt.ts';
import { jsonShape } from './json-shape.ts';

const longest = 1024 ** 2;
const deepest = 64;

/** A call's arguments as a JSON object's text, or `{}` and what the model has to be told. Nothing is guessed or repaired. */
export function readArguments(given: unknown): Pick<ToolCall, 'arguments' | 'problem'> {
  if (given === undefined || given === null) return { arguments: '{}' };
  const text = typeof given === 'string' ? given : written(given);
  if (text.trim() === '') return { arguments: '{}' };
  const tooMuch = sizeProblem(text);
  if (tooMuch) return refused(tooMuch);
  const value = parsed(text);
  if (value === undefined) return refused('are not valid JSON. Call the tool again with one JSON object');
  // Some servers write the object into a string once more.
  if (typeof value === 'string' && typeof given === 'string') return unwrapped(value);
  return isObject(value) ? { arguments: text } : refused('are JSON, but not an object. Call the tool again with one');
}

function unwrapped(text: string): Pick<ToolCall, 'arguments' | 'problem'> {
  return isObject(parsed(text)) ? { arguments: text } : refused('are a text. Call the tool again with a JSON object');
}

function refused(why: string): Pick<ToolCall, 'arguments' | 'problem'> {
  return { arguments: '{}', problem: `The arguments ${why}.` };
}

function sizeProblem(text: string): string | null {
  if (text.length > longest) return `are longer than ${longest} characters. Do it in smaller parts`;
  return jsonShape(text).depth > deepest ? `are nested more than ${deepest} deep. Write them more plainly` : null;
}

/** An object that a server sent as such; one that is too deep to be written is empty text of the wrong kind. */
function written(value: unknown): string {
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '[';
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
