import { BlockList, isIPv6 } from 'node:net';

// Not addresses of other machines, or of what a cloud tells its own machines, or IPv4 dressed as IPv6.
const never = blockList([
  ['0.0.0.0', 8],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['192.0.0.0', 24],
  ['224.0.0.0', 3],
  ['100.100.100.200', 32],
  ['168.63.129.16', 32],
  ['::', 96],
  ['::ffff:0:0', 96],
  ['64:ff9b::', 96],
  ['64:ff9b:1::', 48],
  ['2001::', 32],
  ['2002::', 16],
  ['fe80::', 10],
  ['fec0::', 10],
  ['ff00::', 8],
  ['fd00:ec2::', 32],
]);

const inside = blockList([
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['fc00::', 7],
]);

/** What an address belongs to: `public`; `private`, for hosts that the operator named; `never`. */
export function addressKind(address) {
  if (never(address)) return 'never';
  return inside(address) ? 'private' : 'public';
}

function blockList(networks) {
  // One for each family: a list of Node's takes ::ffff:0:0/96 for all of IPv4.
  const lists = { ipv4: new BlockList(), ipv6: new BlockList() };
  for (const [network, prefix] of networks) {
    const family = isIPv6(network) ? 'ipv6' : 'ipv4';
    lists[family].addSubnet(network, prefix, family);
  }
  return (address) => {
    const family = isIPv6(address) ? 'ipv6' : 'ipv4';
    return lists[family].check(address, family);
  };
}
