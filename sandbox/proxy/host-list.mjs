import { isIP } from 'node:net';

const usualPorts = [80, 443];

/** A host as everything here compares it: small letters, no brackets, no dot at the end. */
export function hostName(text) {
  return text
    .toLowerCase()
    .replace(/^\[(.*)\]$/, '$1')
    .replace(/\.$/, '');
}

/**
 * Entries → a question: is this host, at this port, on the list? An entry is a host, or `*.suffix` for everything below
 * it; with `:port` it is for that port alone, without one for 80 and 443.
 */
export function hostList(entries) {
  const rules = entries.map(ruleOf);
  return (host, port) => rules.some((rule) => rule.ports.includes(port) && matches(rule.host, host));
}

function ruleOf(entry) {
  const port = /^(\[.*\]|[^:]*):(\d+)$/.exec(entry);
  return { host: hostName(port?.[1] ?? entry), ports: port ? [Number(port[2])] : usualPorts };
}

function matches(rule, host) {
  if (!rule.startsWith('*.')) return rule === host;
  return isIP(host) === 0 && host.endsWith(rule.slice(1)) && host.length > rule.length - 1;
}
