import { readFile, stat } from 'node:fs/promises';
import { z } from 'zod';

import { SettingsError } from '../../core/errors.ts';
import { formats } from './all.ts';
import { type FoundRecording, Recording } from './recording.ts';

/** A recording, and what it is for people: its format and its name. */
export interface NamedRecording {
  readonly format: string;
  readonly name: string;
  readonly recording: Recording;
}

const fileBytes = 256 * 1024 ** 2;
const namesListed = 20;

/** Reads the recording that a file holds; of several the one that `instance` names, else the first. */
export async function readRecording(file: string, instance: string | undefined): Promise<NamedRecording> {
  const rows = rowsOf(await textOf(file), file);
  for (const format of formats) {
    const found = format.find(rows);
    if (!found) continue;
    const chosen = choose(found.map(numbered), instance, file);
    const recording = parsed(chosen, `${file} looks like ${format.name}, but`);
    if (recording.steps.length === 0)
      throw new SettingsError(`${file} (${chosen.names[0]}) has no tool calls to replay.`);
    return { format: format.name, name: chosen.names[0] ?? '', recording };
  }
  const known = formats.map((format) => format.name).join(', ');
  throw new SettingsError(`${file} is in no format that can be replayed; those are: ${known}.`);
}

async function textOf(file: string): Promise<string> {
  const found = await stat(file).catch(() => null);
  if (!found?.isFile()) throw new SettingsError(`${file} is not a file; give the file that holds the trajectory.`);
  if (found.size > fileBytes)
    throw new SettingsError(
      `${file} has ${Math.round(found.size / 1024 ** 2)} MB; cut out the row to replay, such as with: grep -m1 <instance id>.`,
    );
  return await readFile(file, 'utf8');
}

/** One JSON value, or JSON Lines. */
function rowsOf(text: string, file: string): unknown[] {
  const whole = parsedJson(text);
  if (whole) return Array.isArray(whole.value) ? whole.value : [whole.value];
  return text
    .split('\n')
    .map((line, index) => ({ line, number: index + 1 }))
    .filter(({ line }) => line.trim() !== '')
    .map(({ line, number }) => {
      const row = parsedJson(line);
      if (!row) throw new SettingsError(`${file} is neither JSON nor JSON Lines: line ${number} cannot be read.`);
      return row.value;
    });
}

function parsedJson(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** Its place in the file is a name too: the one that no other recording can have. */
function numbered(found: FoundRecording, index: number): FoundRecording {
  return { names: [...found.names, `#${index + 1}`], read: found.read };
}

function choose(found: readonly FoundRecording[], instance: string | undefined, file: string): FoundRecording {
  const matching = instance === undefined ? found.slice(0, 1) : found.filter(({ names }) => names.includes(instance));
  const [chosen] = matching;
  if (!chosen && instance === undefined) throw new SettingsError(`${file} holds no attempt of the agent.`);
  if (!chosen) throw new SettingsError(`${file} has no ${instance}; --instance may be one of: ${listed(found)}.`);
  if (matching.length > 1)
    throw new SettingsError(
      `${file} has ${matching.length} of ${instance}; choose with --instance one of: ${listed(matching)}.`,
    );
  return chosen;
}

/** Each with all its names: what one of them shares with another, the next tells apart. */
function listed(found: readonly FoundRecording[]): string {
  const shown = found.slice(0, namesListed).map(({ names }) => names.join(' = '));
  return found.length > namesListed ? `${shown.join(', ')}, … (${found.length} in all)` : shown.join(', ');
}

function parsed(chosen: FoundRecording, what: string): Recording {
  try {
    return Recording.parse(chosen.read());
  } catch (cause) {
    if (!(cause instanceof z.ZodError)) throw cause;
    const [issue] = cause.issues;
    const where = issue?.path.join('.') || 'the top level';
    throw new SettingsError(`${what} ${chosen.names[0]} does not fit it at ${where}: ${issue?.message}`, { cause });
  }
}
