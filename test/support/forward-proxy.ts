import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { z } from 'zod';

const program = join(import.meta.dirname, '..', '..', 'sandbox', 'proxy', 'forward-proxy.mjs');

const Line = z.object({
  event: z.string(),
  port: z.number().optional(),
  host: z.string().optional(),
  why: z.string().optional(),
});
type Line = z.infer<typeof Line>;

export interface ProxyProcess extends AsyncDisposable {
  readonly port: number;
  /** Sends this, and gives everything that comes back until the connection ends. */
  send(text: string): Promise<string>;
  connect(): Promise<Socket>;
  /** What it has refused since it was last asked, as `host: why`. */
  refused(): Promise<string[]>;
}

/** The proxy of set-up as a process of this machine, listening on loopback. */
export async function proxyProcess(settings: {
  allow?: readonly string[];
  mayBePrivate?: readonly string[];
  credentials?: Readonly<Record<string, string>>;
  limits?: Readonly<Record<string, number>>;
}): Promise<ProxyProcess> {
  const child = spawn(process.execPath, [program], { stdio: ['pipe', 'pipe', 'inherit'], env: {} });
  const lines: Line[] = [];
  let wake = () => {};
  createInterface({ input: child.stdout }).on('line', (text) => {
    lines.push(Line.parse(JSON.parse(text)));
    wake();
  });
  const until = async (event: string): Promise<Line> => {
    for (;;) {
      const found = lines.find((line) => line.event === event);
      if (found) return found;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  child.stdin.write(`${JSON.stringify({ listen: '127.0.0.1', port: 0, allow: [], mayBePrivate: [], ...settings })}\n`);
  const port = (await until('listening')).port ?? 0;
  const open = async () => {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  return {
    port,
    connect: open,
    async send(text) {
      const socket = await open();
      let answer = '';
      socket.on('data', (chunk: Buffer) => {
        answer += chunk.toString('latin1');
      });
      socket.write(text);
      await once(socket, 'close');
      return answer;
    },
    async refused() {
      lines.splice(0, lines.length, ...lines.filter(({ event }) => event === 'refused'));
      child.stdin.write('\n');
      await until('mark');
      const found = lines.filter(({ event }) => event === 'refused').map(({ host, why }) => `${host}: ${why}`);
      lines.length = 0;
      return found;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await once(child, 'exit');
    },
  };
}
