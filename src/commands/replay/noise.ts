import { stripVTControlCharacters } from 'node:util';

const month = '(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]*';
const day = '(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? +)?';
const clock = '\\d{1,2}:\\d{2}(?::\\d{2})?(?:[.,]\\d+)?';
const zone = '(?: ?(?:UTC|GMT|Z|[+-]\\d{2}:?\\d{2}))?';

// What two runs of the same command differ in though nothing has changed, in the order in which it is replaced.
const noise: readonly (readonly [RegExp, string])[] = [
  [/\[Python interpreter: [^\]\n]*\]\n?/g, ''],
  [new RegExp(`\\b\\d{4}-\\d{2}-\\d{2}(?:[T ]${clock})?${zone}`, 'g'), '<date>'],
  [new RegExp(`\\b${day}\\d{1,2} ${month} \\d{4}(?: ${clock})?${zone}`, 'g'), '<date>'],
  [new RegExp(`\\b${day}${month} +\\d{1,2}\\b(?: +${clock}${zone})?(?: +\\d{4}\\b)?${zone}`, 'g'), '<date>'],
  [/\b\d{1,2}:\d{2}:\d{2}(?:[.,]\d+)?\b/g, '<clock>'],
  [/\b\d+m\d+(?:[.,]\d+)?s\b/g, '<time>'],
  [/\b\d+(?:\.\d+)?(?:e-\d+)? ?(?:ns|µs|us|ms|s|secs?|seconds?|mins?|minutes?)\b/g, '<time>'],
  [/\b(duration(?:_ms)?|elapsed|time)(["']?\s*[:=]?\s*["']?)\d+(?:\.\d+)?/gi, '$1$2<time>'],
  [/\b0x[0-9a-f]{4,}\b/gi, '<address>'],
  [/\b(pid|process)([\s:=#]*)\d+/gi, '$1$2<pid>'],
  [/\(node:\d+\)/g, '(node:<pid>)'],
  [/\/proc\/\d+/g, '/proc/<pid>'],
  [/^(\[\d+\][+-]?) +\d+$/gm, '$1 <pid>'],
  [/(line \d+:) +\d+ (?=Killed|Terminated|Aborted|Segmentation)/g, '$1 <pid> '],
  // pytest fills its lines up to the terminal's width, so that a time with one digit more takes one sign away.
  [/={4,}/g, '===='],
];

/** Text without what two runs of the same thing differ in: times, dates, process ids, addresses, blanks at the end. */
export function withoutNoise(text: string): string {
  const plain = stripVTControlCharacters(text).replaceAll('\r\n', '\n');
  const lines = noise.reduce((left, [pattern, put]) => left.replace(pattern, put), plain).split('\n');
  return lines
    .map((line) => line.trimEnd())
    .join('\n')
    .trim();
}
