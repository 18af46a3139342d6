const caVariables = [
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'PIP_CERT',
  'REQUESTS_CA_BUNDLE',
  'CURL_CA_BUNDLE',
  'GIT_SSL_CAINFO',
  'CARGO_HTTP_CAINFO',
];

const proxyVariables = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'http_proxy',
  'https_proxy',
  'npm_config_proxy',
  'npm_config_https_proxy',
  'YARN_HTTP_PROXY',
  'YARN_HTTPS_PROXY',
  'CARGO_HTTP_PROXY',
];

const notByProxy = 'localhost,127.0.0.1,::1';

/**
 * What set-up's commands are told of the world: the same authorities for every tool that has a way of its own to be told
 * (SIMULATORS: a container does not know what the host's NODE_EXTRA_CA_CERTS says), and the same proxy.
 */
export function setUpVariables(told: { caPath: string | null; proxyUrl: string | null }): Record<string, string> {
  const { caPath, proxyUrl } = told;
  return {
    ...(caPath && Object.fromEntries(caVariables.map((name) => [name, caPath]))),
    ...(proxyUrl && {
      ...Object.fromEntries(proxyVariables.map((name) => [name, proxyUrl])),
      NO_PROXY: notByProxy,
      no_proxy: notByProxy,
      npm_config_noproxy: notByProxy,
      NODE_USE_ENV_PROXY: '1',
      JAVA_TOOL_OPTIONS: javaOptions(new URL(proxyUrl)),
    }),
  };
}

/** Java reads none of the usual variables. */
function javaOptions({ hostname, port }: URL): string {
  return ['http', 'https']
    .flatMap((scheme) => [`-D${scheme}.proxyHost=${hostname}`, `-D${scheme}.proxyPort=${port}`])
    .concat('-Dhttp.nonProxyHosts=localhost|127.*|[::1]')
    .join(' ');
}
