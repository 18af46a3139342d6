/** Rows as the driver gives them; zod reads them where they come in. */
export type Rows = readonly Record<string, unknown>[];

/** Whatever takes a statement: the database itself or a transaction of it. */
export interface Queries {
  query(text: string, values?: readonly unknown[]): Promise<Rows>;
}

/** The one shape that both databases have, so that everything above them is one code path. */
export interface Database extends Queries {
  /** Several statements at once, without values. */
  script(text: string): Promise<Rows>;
  /** All or nothing; what throws inside rolls it back. */
  transaction<T>(act: (tx: Queries) => Promise<T>): Promise<T>;
  close(): Promise<void>;
  readonly kind: 'embedded' | 'server';
}
