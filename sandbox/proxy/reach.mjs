import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';

import { addressKind } from './address-kind.mjs';
import { Refusal } from './refusal.mjs';

/**
 * Connects to a host that is on the list. Its name is resolved here, once, and the connection goes to the very address
 * that was judged: a name that answers differently the second time gains nothing.
 */
export async function reach(host, port, { isAllowed, mayBePrivate, limits }) {
  if (!isAllowed(host, port) && !mayBePrivate(host, port)) throw new Refusal(host, port, 'not on the list of hosts');
  const found = await resolved(host, port, limits);
  for (const { address } of found) {
    const kind = addressKind(address);
    if (kind === 'never' || (kind === 'private' && !mayBePrivate(host, port))) {
      throw new Refusal(host, port, `its address is ${address}, which is not on the public network`);
    }
  }
  let last;
  for (const { address } of found) {
    try {
      return await connected(address, port, limits);
    } catch (error) {
      last = error;
    }
  }
  throw new Unreachable(host, last);
}

/** A host on the list does not answer: the network's fault, not a refusal. */
export class Unreachable extends Error {
  constructor(host, cause) {
    super(`${host} cannot be reached`, { cause });
  }
}

async function resolved(host, port, limits) {
  const late = Promise.withResolvers();
  const timer = setTimeout(() => late.reject(new Unreachable(host)), limits.connectMs);
  try {
    return await Promise.race([lookup(host, { all: true, order: 'ipv4first' }), late.promise]);
  } catch (error) {
    throw error instanceof Unreachable ? error : new Unreachable(`${host}:${port}`, error);
  } finally {
    clearTimeout(timer);
  }
}

function connected(address, port, { connectMs }) {
  const { promise, resolve, reject } = Promise.withResolvers();
  const socket = connect({ host: address, port, allowHalfOpen: false });
  const timer = setTimeout(() => socket.destroy(new Error('no answer in time')), connectMs);
  socket.once('error', reject);
  socket.once('connect', () => {
    clearTimeout(timer);
    socket.off('error', reject);
    resolve(socket);
  });
  socket.once('close', () => clearTimeout(timer));
  return promise;
}
