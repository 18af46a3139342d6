/** How answers to the API go wrong, for the next `times` requests that match. */
export interface Fault {
  readonly method?: string;
  /** Of the path below the API's root. */
  readonly path?: RegExp;
  /** Answered instead of being done. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly delayMs?: number;
  /** Done, and the connection closed before the answer. */
  readonly dropAnswer?: boolean;
  readonly times?: number;
}

/** A list of faults that takes care of how often each is still to happen. */
export class Faults {
  readonly #left: { fault: Fault; times: number }[] = [];

  add(fault: Fault): void {
    this.#left.push({ fault, times: fault.times ?? 1 });
  }

  clear(): void {
    this.#left.length = 0;
  }

  take(method: string, path: string): Fault | null {
    const found = this.#left.find(
      ({ fault, times }) =>
        times > 0 && (!fault.method || fault.method === method) && (!fault.path || fault.path.test(path)),
    );
    if (!found) return null;
    found.times -= 1;
    return found.fault;
  }
}
