import type { IncomingMessage } from 'node:http';

/** What came of reading a request's body: all of it, or no more than the reason to stop. */
export type Body =
  | { kind: 'whole'; bytes: Buffer }
  | { kind: 'too-large' }
  | { kind: 'no-room' }
  | { kind: 'broken-off' };

/** The bytes that all requests together hold in memory at this moment. */
export interface Room {
  readonly maxBytes: number;
  takenBytes: number;
}

/** Reads a body of at most `maxBytes` and not a byte more; a declared length over it is refused before the first. */
export async function readBody(request: IncomingMessage, maxBytes: number, room: Room): Promise<Body> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return { kind: 'too-large' };
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of request.iterator({ destroyOnReturn: false })) {
      bytes += chunk.length;
      room.takenBytes += chunk.length;
      if (bytes > maxBytes) return { kind: 'too-large' };
      if (room.takenBytes > room.maxBytes) return { kind: 'no-room' };
      chunks.push(chunk);
    }
    return { kind: 'whole', bytes: Buffer.concat(chunks, bytes) };
  } catch {
    return { kind: 'broken-off' };
  } finally {
    room.takenBytes -= bytes;
  }
}
