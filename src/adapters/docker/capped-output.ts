/** Keeps the head and the tail of what is printed, in constant memory, and counts the rest. */
export class CappedOutput {
  readonly #half: number;
  readonly #head: Buffer[] = [];
  #headBytes = 0;
  #tail: Buffer[] = [];
  #tailBytes = 0;
  #total = 0;

  constructor(capBytes: number) {
    this.#half = Math.floor(capBytes / 2);
  }

  push(chunk: Buffer): void {
    this.#total += chunk.length;
    const room = this.#half - this.#headBytes;
    const first = chunk.subarray(0, room);
    if (first.length > 0) {
      this.#head.push(Buffer.from(first));
      this.#headBytes += first.length;
    }
    const rest = chunk.subarray(first.length);
    if (rest.length > 0) this.#keep(rest);
  }

  #keep(rest: Buffer): void {
    this.#tail.push(Buffer.from(rest.subarray(-this.#half)));
    this.#tailBytes += Math.min(rest.length, this.#half);
    // Joined only when it has doubled, so that a flood of small chunks is not copied again and again.
    if (this.#tailBytes <= 2 * this.#half) return;
    const joined = Buffer.concat(this.#tail);
    this.#tail = [joined.subarray(joined.length - this.#half)];
    this.#tailBytes = this.#half;
  }

  /** What was kept as text, and how many bytes are missing between head and tail. Bytes that are no UTF-8 become U+FFFD. */
  result(): { output: string; omittedBytes: number } {
    const tail = Buffer.concat(this.#tail);
    const kept = tail.subarray(Math.max(0, tail.length - this.#half));
    const omittedBytes = this.#total - this.#headBytes - kept.length;
    const head = Buffer.concat(this.#head);
    if (omittedBytes === 0) return { output: Buffer.concat([head, kept]).toString('utf8'), omittedBytes };
    return {
      output: `${head.toString('utf8')}\n[... ${omittedBytes} bytes left out ...]\n${kept.toString('utf8')}`,
      omittedBytes,
    };
  }
}
