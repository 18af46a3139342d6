const depth = 10; // per file, as in the scaffold that the model was trained in (DEVSTRAL §2.4)

/** What files held before they were edited, newest last, so that an edit can be taken back. */
export class EditHistory {
  readonly #before = new Map<string, string[]>();

  note(path: string, content: string): void {
    this.#before.set(path, [...(this.#before.get(path) ?? []), content].slice(-depth));
  }

  /** The content before the newest edit, which is forgotten by this. */
  takeBack(path: string): string | undefined {
    return this.#before.get(path)?.pop();
  }
}
