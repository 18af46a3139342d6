import Docker from 'dockerode';

import { OutsideError } from '../../core/errors.ts';

/** How the engine is reached: a unix socket, or TCP on a network that is trusted. */
export type DockerConnection = { socketPath: string } | { protocol: 'http'; host: string; port: number };

/** Opens the engine's API; nothing is sent yet. */
export function openEngine(connection: DockerConnection): Docker {
  return new Docker(connection);
}

/** Does something with the engine, and says in our words what went wrong. */
export async function withEngine<T>(what: string, act: () => Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (cause) {
    if (cause instanceof OutsideError) throw cause;
    if (!isEngineError(cause)) {
      throw new OutsideError('The Docker Engine does not answer. Start it, or set DOCKER_HOST to where it runs.', {
        retry: 'soon',
        cause,
      });
    }
    const missing = cause.statusCode === 404 && /no such image/i.test(cause.message);
    if (missing)
      throw new OutsideError('A sandbox image is missing. Build it with: sh scripts/set-up.sh', {
        retry: 'never',
        cause,
      });
    throw new OutsideError(`The Docker Engine could not ${what}: ${cause.message}`, { retry: 'soon', cause });
  }
}

/** An answer of the engine with an error status, as opposed to no answer. */
export function isEngineError(error: unknown): error is Error & { statusCode: number } {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number';
}

/** Runs a removal and is content when the thing is gone already or going. */
export async function removed(act: () => Promise<unknown>): Promise<void> {
  try {
    await act();
  } catch (error) {
    if (!isEngineError(error) || ![404, 409].includes(error.statusCode)) throw error;
  }
}
