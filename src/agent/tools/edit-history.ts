const depth = 10; // per file, as in the scaffold that the model was trained in (DEVSTRAL §2.4)

/** What files held before they were edited, byte for byte and newest last, so that an edit can be taken back. */
export class EditHistory {
  readonly #before = new Map<string, Uint8Array[]>();

  note(path: string, content: Uint8Array): void {
    this.#before.set(path, [...(this.#before.get(path) ?? []), content].slice(-depth));
  }

  /** The content before the newest edit; undefined when there is none to take back. */
  last(path: string): Uint8Array | undefined {
    return this.#before.get(path)?.at(-1);
  }

  /** Forgets the newest edit, once it is taken back. */
  dropLast(path: string): void {
    this.#before.get(path)?.pop();
  }
}
