/** An observation taken apart: what came out, and what was noted under it. */
export interface SplitObservation {
  readonly body: string;
  readonly exitCode: string | null;
  readonly directory: string | null;
}

const exitCode = /^\[(?:The command completed|Command finished) with exit code (-?\d+)\.?\]$/;
const directory = /^\[Current working directory: (.*)\]$/;
const other = /^\[Python interpreter: .*\]$/;

/** Takes the notes off an observation's end (DEVSTRAL §2.3); text that only says that there was no output is none. */
export function splitFooter(text: string): SplitObservation {
  const lines = text
    .replaceAll('\r\n', '\n')
    .replace(/\[Error occurred in processing last action\]\s*$/, '')
    .split('\n');
  const isNote = (line: string) => line === '' || [exitCode, directory, other].some((note) => note.test(line));
  const end = lines.findLastIndex((line) => !isNote(line.trim())) + 1;
  const notes = lines.slice(end).map((line) => line.trim());
  const noted = (note: RegExp) => notes.map((line) => line.match(note)?.[1]).find((value) => value !== undefined);
  const body = lines.slice(0, end).join('\n');
  return {
    body: nothing.test(body.trim()) ? '' : body,
    exitCode: noted(exitCode) ?? null,
    directory: noted(directory) ?? null,
  };
}

const nothing = /^(?:\(no output\)|Your command ran successfully and did not produce any output\.)$/;
