import { spawn } from 'node:child_process';
import type { IncomingMessage, ServerResponse } from 'node:http';

import { Refusal, requirePermission, requireRepository, requireToken } from './authority.ts';
import type { State } from './state.ts';

/** Serves clone and fetch by git's own `http-backend`; true when the request was for git. */
export function serveGit(state: State, request: IncomingMessage, response: ServerResponse): boolean {
  const url = new URL(request.url ?? '/', state.url);
  const [, owner, name, service] =
    url.pathname.match(/^\/([^/]+)\/([^/]+)\.git\/(info\/refs|git-upload-pack|git-receive-pack)$/) ?? [];
  if (!owner || !name || !service) return false;
  try {
    const [, credentials = ''] = request.headers.authorization?.match(/^Basic (.+)$/) ?? [];
    const token = requireToken(
      state,
      Buffer.from(credentials, 'base64')
        .toString('utf8')
        .replace(/^x-access-token:/, ''),
    );
    const repository = requireRepository(state, token, owner, name);
    requirePermission(token, 'contents', 'read');
    backend(repository.folder, `/${service}`, url, request, response);
  } catch (error) {
    const status = error instanceof Refusal ? error.status : 500;
    response
      .writeHead(status, {
        ...(status === 401 && { 'www-authenticate': 'Basic realm="GitHub"' }),
        'content-type': 'text/plain',
      })
      .end();
  }
  return true;
}

function backend(folder: string, path: string, url: URL, request: IncomingMessage, response: ServerResponse): void {
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: '/usr/local/bin:/usr/bin:/bin',
      GIT_PROJECT_ROOT: folder,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_CONFIG_GLOBAL: '/dev/null',
      PATH_INFO: path,
      QUERY_STRING: url.search.slice(1),
      REQUEST_METHOD: request.method ?? 'GET',
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      REMOTE_USER: 'x-access-token',
      REMOTE_ADDR: '127.0.0.1',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => {});
  request.pipe(child.stdin);
  let head = Buffer.alloc(0);
  const readHead = (chunk: Buffer) => {
    head = Buffer.concat([head, chunk]);
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    child.stdout.off('data', readHead);
    const headers = head
      .subarray(0, end)
      .toString('latin1')
      .split('\r\n')
      .map((line) => line.split(/:\s*/, 2) as [string, string]);
    const status = Number(headers.find(([name]) => name === 'Status')?.[1]?.slice(0, 3) ?? 200);
    response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
    response.write(head.subarray(end + 4));
    child.stdout.pipe(response);
  };
  child.stdout.on('data', readHead);
  child.on('close', () => response.end());
}
