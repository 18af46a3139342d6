import { randomBytes } from 'node:crypto';
import { type Duplex, Writable } from 'node:stream';
import type Docker from 'dockerode';

import { CappedOutput } from './capped-output.ts';
import { type ExecRequest, startExec } from './exec.ts';

/** How a command in a kept-open bash ended. */
export type Ending =
  | { readonly kind: 'done'; readonly exitCode: number; readonly workingDirectory: string }
  | { readonly kind: 'ended'; readonly exitCode: number | null };

/**
 * The wire to one bash that reads its commands from us (fd 0) and shows what they print (fd 5, which they cannot see).
 * Commands have another standard input, so that none of them eats the next line of the wire. After each of them bash is
 * told to print a word that nobody could know before, with the exit code and the directory: everything in front of it is output.
 */
export class BashWire {
  readonly #stream: Duplex;
  readonly #outputBytes: number;
  readonly #input: string;
  #output: CappedOutput;
  #nonce: Buffer = Buffer.alloc(0);
  /** Could be the beginning of the word that we wait for. */
  #held: Buffer = Buffer.alloc(0);
  #settle: (ending: Ending) => void = () => {};
  #lastOutputAt = 0;
  #ended: Promise<Ending> | null = null;

  /** `input`: where commands read from inside the container. */
  static async open(
    container: Docker.Container,
    request: ExecRequest,
    { input, outputBytes }: { input: string; outputBytes: number },
  ): Promise<BashWire> {
    const { stream, exitCode } = await startExec(container, request, true);
    return new BashWire(container, stream, exitCode, { input, outputBytes });
  }

  private constructor(
    container: Docker.Container,
    stream: Duplex,
    exitCode: () => Promise<number | null>,
    { input, outputBytes }: { input: string; outputBytes: number },
  ) {
    this.#stream = stream;
    this.#input = input;
    this.#outputBytes = outputBytes;
    this.#output = new CappedOutput(outputBytes);
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        this.#read(chunk);
        done();
      },
    });
    container.modem.demuxStream(stream, sink, sink);
    const end = () => {
      this.#ended ??= exitCode().then(
        (code) => ({ kind: 'ended', exitCode: code }),
        () => ({ kind: 'ended', exitCode: null }),
      );
      void this.#ended.then((ending) => this.#settle(ending));
    };
    stream.on('end', end).on('close', end).on('error', end);
  }

  /** When something was last printed, on the clock of `performance.now()`. */
  get lastOutputAt(): number {
    return this.#lastOutputAt;
  }

  /** Runs a line of ours that nobody is to see the output of. */
  tell(line: string): void {
    this.#stream.write(`${line}\n`);
  }

  /** Starts a command; settles when it is over. */
  start(command: string): Promise<Ending> {
    this.#nonce = Buffer.from(randomBytes(16).toString('hex'));
    this.#lastOutputAt = performance.now();
    return new Promise((resolve) => {
      this.#settle = resolve;
      void this.#ended?.then(resolve);
      const nonce = this.#nonce.toString();
      this.#stream.write(
        `\\builtin eval ${asOneWord(command)} <${this.#input} 5>&-\n\\builtin printf '%s %s %s %s' ${nonce} "$?" "$PWD" ${nonce} >&5\n`,
      );
    });
  }

  /** What was printed since this was last asked. */
  takeOutput(): { output: string; omittedBytes: number } {
    const taken = this.#output.result();
    this.#output = new CappedOutput(this.#outputBytes);
    return taken;
  }

  close(): void {
    this.#stream.destroy();
  }

  #read(chunk: Buffer): void {
    this.#lastOutputAt = performance.now();
    const all = this.#held.length > 0 ? Buffer.concat([this.#held, chunk]) : chunk;
    const at = this.#nonce.length > 0 ? all.indexOf(this.#nonce) : -1;
    if (at < 0) {
      const kept = beginningOf(this.#nonce, all);
      this.#output.push(all.subarray(0, all.length - kept));
      this.#held = all.subarray(all.length - kept);
      return;
    }
    const report = all.subarray(at + this.#nonce.length);
    const end = report.indexOf(this.#nonce);
    if (end < 0) {
      // The word is there, the report behind it not yet whole.
      this.#output.push(all.subarray(0, at));
      this.#held = all.subarray(at);
      return;
    }
    this.#output.push(all.subarray(0, at));
    this.#held = Buffer.alloc(0);
    // What runs in the background goes on printing: it is shown with the next command.
    this.#output.push(report.subarray(end + this.#nonce.length));
    this.#nonce = Buffer.alloc(0);
    const [, code = '', directory = ''] = /^ (\d+) ([\s\S]*) $/.exec(report.subarray(0, end).toString('utf8')) ?? [];
    this.#settle({ kind: 'done', exitCode: code === '' ? -1 : Number(code), workingDirectory: directory });
  }
}

/** How many bytes at the end of `all` could be the beginning of `word`. */
function beginningOf(word: Buffer, all: Buffer): number {
  for (let length = Math.min(word.length - 1, all.length); length > 0; length--)
    if (all.subarray(all.length - length).equals(word.subarray(0, length))) return length;
  return 0;
}

/** Any text as one word on one line, without starting a process to decode it. A NUL cannot be part of a command. */
function asOneWord(text: string): string {
  const escaped = text
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "\\'")
    .replaceAll('\n', '\\n')
    .replaceAll('\r', '\\r')
    .replaceAll('\0', '');
  return `$'${escaped}'`;
}
