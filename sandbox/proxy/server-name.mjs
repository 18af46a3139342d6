const recordHeader = 5;
const handshake = 22;
const clientHello = 1;
const serverNameExtension = 0;
const mostBytes = 17_000; // the longest TLS record (RFC 8446 §5.1), and its header

/**
 * The first bytes of a TLS connection → `{ kind: 'named', name }`, name null where the client names none; `more` when
 * the record is not whole yet; `not-tls` for anything else.
 */
export function serverName(bytes) {
  if (bytes.length > 0 && bytes[0] !== handshake) return { kind: 'not-tls' };
  if (bytes.length < recordHeader) return { kind: 'more' };
  const end = recordHeader + bytes.readUInt16BE(3);
  if (bytes[1] !== 3 || end > mostBytes) return { kind: 'not-tls' };
  if (bytes.length < end) return { kind: 'more' };
  try {
    return { kind: 'named', name: nameIn(bytes.subarray(recordHeader, end)) };
  } catch {
    return { kind: 'not-tls' };
  }
}

function nameIn(hello) {
  if (hello[0] !== clientHello) throw new RangeError('not a ClientHello');
  let at = 4 + 2 + 32; // type and length, version, random
  at += 1 + hello.readUInt8(at); // session
  at += 2 + hello.readUInt16BE(at); // cipher suites
  at += 1 + hello.readUInt8(at); // compression
  if (at === hello.length) return null;
  const end = at + 2 + hello.readUInt16BE(at);
  at += 2;
  while (at < end) {
    const type = hello.readUInt16BE(at);
    const length = hello.readUInt16BE(at + 2);
    if (type === serverNameExtension) {
      // One list with one entry: its length, its type (0: a host name), the name's length, the name.
      const name = hello.subarray(at + 9, at + 9 + hello.readUInt16BE(at + 7));
      if (name.length + 5 !== length) throw new RangeError('more than one name');
      return name.toString('latin1').toLowerCase();
    }
    at += 4 + length;
  }
  return null;
}
