import pg from 'pg';

import { OutsideError } from '../../core/errors.ts';
import type { Database, Rows } from './database.ts';

/** A Postgres server, by a pool of connections. An error of ours names the server, never the password. */
export async function openServerDatabase(
  url: string,
  log: { warn(facts: object, message: string): void },
): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: 10,
    connectionTimeoutMillis: 5_000,
    statement_timeout: 60_000,
  });
  // An idle connection that breaks is replaced by the pool; without a listener it would end the process.
  pool.on('error', (error) => log.warn({ err: error }, 'A database connection broke'));
  const { hostname, pathname } = new URL(url);
  const rowsOf = (result: pg.QueryResult | pg.QueryResult[]): Rows =>
    Array.isArray(result) ? result.flatMap((each) => each.rows) : result.rows;
  const reached = async <T>(act: () => Promise<T>): Promise<T> => {
    try {
      return await act();
    } catch (cause) {
      if (cause instanceof pg.DatabaseError && !cause.code?.startsWith('57P') && !cause.code?.startsWith('28'))
        throw cause;
      if (!(cause instanceof Error) || cause instanceof OutsideError || cause.name === 'LeaseLost') throw cause;
      if (!(cause instanceof pg.DatabaseError) && !isConnectionError(cause)) throw cause;
      const why = cause instanceof pg.DatabaseError ? cause.message : 'no connection';
      throw new OutsideError(
        `The database ${pathname.slice(1)} at ${hostname} cannot be used (${why}). See that it runs and that DATABASE_URL is right.`,
        { retry: 'soon', cause },
      );
    }
  };
  const database: Database = {
    kind: 'server',
    query: (text, values = []) => reached(async () => rowsOf(await pool.query(text, [...values]))),
    script: (text) => reached(async () => rowsOf(await pool.query(text))),
    transaction: (act) =>
      reached(async () => {
        const client = await pool.connect();
        try {
          await client.query('BEGIN');
          const result = await act({
            query: async (text, values = []) => rowsOf(await client.query(text, [...values])),
          });
          await client.query('COMMIT');
          client.release();
          return result;
        } catch (error) {
          // A connection that cannot even roll back is thrown away.
          await client.query('ROLLBACK').then(
            () => client.release(),
            () => client.release(true),
          );
          throw error;
        }
      }),
    close: () => pool.end(),
  };
  try {
    await warnOfLaxity(database, log);
  } catch (error) {
    await pool.end();
    throw error;
  }
  return database;
}

function isConnectionError(error: Error): boolean {
  return 'code' in error || /timeout|terminated|connect/i.test(error.message);
}

/** THREATS B2: a server that does not sync answers before it has kept anything. */
async function warnOfLaxity(database: Database, log: { warn(facts: object, message: string): void }): Promise<void> {
  const settings = await database.query(
    "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes')",
  );
  const off = settings.filter((row) => row.setting === 'off').map((row) => row.name);
  if (off.length > 0) log.warn({ off }, 'The database may lose what it has acknowledged when the power goes');
}
