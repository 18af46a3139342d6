import { isAscii, isUtf8 } from 'node:buffer';
import { analyse } from 'chardet';
import iconv from 'iconv-lite';

/** How a file's bytes are read as text. */
export interface TextEncoding {
  readonly name: string;
  /** How many bytes of byte order mark stand before the text. */
  readonly markBytes: number;
}

const marks = [
  { name: 'utf-8', bytes: [0xef, 0xbb, 0xbf] },
  { name: 'utf-32le', bytes: [0xff, 0xfe, 0, 0] },
  { name: 'utf-32be', bytes: [0, 0, 0xfe, 0xff] },
  { name: 'utf-16le', bytes: [0xff, 0xfe] },
  { name: 'utf-16be', bytes: [0xfe, 0xff] },
];
const western = ['windows-1252', 'ISO-8859-1'];
const latin = [...western, 'ISO-8859-2', 'ISO-8859-9', 'windows-1250', 'windows-1254', 'windows-1257'];
const sampleBytes = 64 * 1024;

/** By its mark, as UTF-8, by its own word, by a guess: in this order. Null when it is no text. */
export function encodingOf(bytes: Uint8Array): TextEncoding | null {
  const mark = marks.find((each) => each.bytes.every((byte, at) => bytes[at] === byte));
  if (mark && mark.name !== 'utf-8') {
    const encoding = { name: mark.name, markBytes: mark.bytes.length };
    return hasControls(decode(bytes, encoding)) ? null : encoding;
  }
  if (bytes.includes(0)) return null;
  if (mark) return { name: mark.name, markBytes: mark.bytes.length };
  const declared = declaredIn(bytes);
  // Whatever it says of itself: text in another encoding is next to never valid UTF-8.
  if (isUtf8(bytes)) return { name: (isAscii(bytes) && declared) || 'utf-8', markBytes: 0 };
  const ascii = Buffer.from(bytes.filter((byte) => byte < 0x80)).toString('latin1');
  return hasControls(ascii) ? null : { name: declared ?? guessed(bytes), markBytes: 0 };
}

/** The text after the mark; bytes that mean nothing in the encoding become U+FFFD. */
export function decode(bytes: Uint8Array, { name, markBytes }: TextEncoding): string {
  return iconv.decode(bytes.subarray(markBytes), name, { stripBOM: false });
}

/** The bytes of a text without a mark; null when the encoding cannot say it. */
export function encode(text: string, { name }: TextEncoding): Uint8Array | null {
  const bytes = iconv.encode(text, name, { addBOM: false });
  // Half a surrogate pair is no character, though UTF-16 would let it pass.
  return text.isWellFormed() && iconv.decode(bytes, name, { stripBOM: false }) === text ? bytes : null;
}

/** How many bytes a text takes, with one substitute for each character that the encoding cannot say. */
export function byteLength(text: string, { name }: TextEncoding): number {
  return iconv.encode(text, name, { addBOM: false }).length;
}

/** What the first two lines say: `coding: x` (Python, Ruby, Emacs), `encoding="x"` (XML), `charset=x` (HTML, CSS). */
function declaredIn(bytes: Uint8Array): string | null {
  const head = Buffer.from(bytes.subarray(0, 1024)).toString('latin1').split('\n', 2).join('\n');
  const name = /(?:coding[:=]|charset[ =])\s*["']?([-\w.]+?)(?:-unix|-dos|-mac)?(?![-\w.])/.exec(head)?.[1];
  if (name === undefined || !iconv.encodingExists(name)) return null;
  // Read as ASCII up to here: a name of something that is written otherwise (UTF-16, UTF-7, base64) is not true.
  const plain = `coding: ${name} +AGE-`;
  return iconv.decode(Buffer.from(plain), name) === plain ? name : null;
}

function guessed(bytes: Uint8Array): string {
  if (isMostlyUtf8(bytes)) return 'utf-8';
  const matches = analyse(linesBeyondAscii(bytes))
    .filter(({ name, confidence }) => confidence > 0 && iconv.encodingExists(name))
    .filter(({ name }) => isPlain(iconv.decode(bytes, name)));
  const [best] = matches;
  if (!best) return isPlain(iconv.decode(bytes, 'windows-1252')) ? 'windows-1252' : 'latin1';
  if (!latin.includes(best.name)) return best.name;
  // Statistics tell the Latin alphabets apart badly: Western Europe's when it is nearly as likely as another.
  return (
    matches.find((each) => western.includes(each.name) && each.confidence >= 0.8 * best.confidence)?.name ?? best.name
  );
}

/** UTF-8 with some damage: other encodings give next to no valid sequence by chance. */
function isMostlyUtf8(bytes: Uint8Array): boolean {
  const text = new TextDecoder().decode(bytes);
  const damaged = text.match(/\ufffd/g)?.length ?? 0;
  const read = text.match(/[\u0080-\ufffc]/g)?.length ?? 0;
  return read > 3 * damaged;
}

/** The lines that say something about the encoding: the ASCII around them speaks for none and blurs the statistics. */
function linesBeyondAscii(bytes: Uint8Array): Buffer {
  const lines =
    Buffer.from(bytes)
      .toString('latin1')
      .match(/^.*[\x80-\xff].*$/gm) ?? [];
  return Buffer.from(lines.join('\n').slice(0, sampleBytes), 'latin1');
}

/** Read without a rest: what a wrong guess does not give. */
function isPlain(text: string): boolean {
  return !text.includes('\ufffd') && !hasControls(text);
}

/** Control characters other than those of text files: it is none. */
function hasControls(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  return /[\0-\x07\x0e-\x1a\x1c-\x1f\x7f-\x84\x86-\x9f]/.test(text);
}
