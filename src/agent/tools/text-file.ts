import { byteLength, decode, encode, encodingOf, type TextEncoding } from './text-encoding.ts';

/** A text file as the editor works on it: every line ends in \n there, whatever it ends in on the disk. */
export class TextFile {
  readonly bytes: Uint8Array;
  /** As it is decoded, line ends included. */
  readonly #raw: string;
  readonly encoding: TextEncoding;
  readonly text: string;

  private constructor(bytes: Uint8Array, encoding: TextEncoding) {
    this.bytes = bytes;
    this.encoding = encoding;
    this.#raw = decode(bytes, encoding);
    this.text = withPlainLineEnds(this.#raw);
  }

  /** Null when the bytes are no text. */
  static of(bytes: Uint8Array): TextFile | null {
    const encoding = encodingOf(bytes);
    return encoding && new TextFile(bytes, encoding);
  }

  /** `put` in the place of [from, to) of the text, with the line ends of that place. Every byte outside is kept. */
  splice(from: number, to: number, put: string): Spliced {
    const [start, end] = [this.#rawOffset(from), this.#rawOffset(to)];
    const written = this.#endsInCrlf(start) ? put.replace(/\r?\n/g, '\r\n') : put;
    const content = encode(written, this.encoding);
    if (!content) return { kind: 'unsayable', characters: this.#unsayable(written) };
    const cut = this.#cut(start, end);
    if (!cut) return { kind: 'unclear' };
    const mark = this.bytes.subarray(0, this.encoding.markBytes);
    return {
      kind: 'spliced',
      bytes: Buffer.concat([mark, cut.head, content, cut.tail]),
      text: withPlainLineEnds(`${this.#raw.slice(0, start)}${written}${this.#raw.slice(end)}`),
    };
  }

  /** The bytes before and after the characters [start, end), counted from the front or, behind bytes that mean nothing, from the back. */
  #cut(start: number, end: number): { head: Uint8Array; tail: Uint8Array } | null {
    const body = this.bytes.subarray(this.encoding.markBytes);
    const parts = [this.#raw.slice(0, start), this.#raw.slice(start, end), this.#raw.slice(end)];
    const [before = 0, between = 0, after = 0] = parts.map((part) => byteLength(part, this.encoding));
    for (const at of [before, body.length - after - between]) {
      const cut = [body.subarray(0, at), body.subarray(at, at + between), body.subarray(at + between)] as const;
      const unmarked = { ...this.encoding, markBytes: 0 };
      if (cut.every((bytes, part) => decode(bytes, unmarked) === parts[part])) return { head: cut[0], tail: cut[2] };
    }
    return null;
  }

  #rawOffset(offset: number): number {
    let dropped = 0;
    let at = this.#raw.indexOf('\r\n');
    while (at >= 0 && at - dropped < offset) {
      dropped += 1;
      at = this.#raw.indexOf('\r\n', at + 2);
    }
    return offset + dropped;
  }

  /** Of the line at the place, or of the one before when it is the last and has no end. */
  #endsInCrlf(start: number): boolean {
    const next = this.#raw.indexOf('\n', start);
    const end = next >= 0 ? next : this.#raw.lastIndexOf('\n', start);
    return end > 0 && this.#raw[end - 1] === '\r';
  }

  #unsayable(text: string): string {
    return [...new Set(text)]
      .filter((each) => encode(each, this.encoding) === null)
      .slice(0, 10)
      .join('');
  }
}

type Spliced =
  | { readonly kind: 'spliced'; readonly bytes: Uint8Array; readonly text: string }
  /** The file's encoding has no bytes for these characters. */
  | { readonly kind: 'unsayable'; readonly characters: string }
  /** The file has bytes that mean nothing in its encoding, so that characters cannot be told to be at one place. */
  | { readonly kind: 'unclear' };

/** The text with \n where \r\n stood. */
export function withPlainLineEnds(text: string): string {
  return text.replaceAll('\r\n', '\n');
}
