import type { ContainerCreateOptions, NetworkCreateOptions } from 'dockerode';

/** What a sandbox may use. Numbers are bytes, cores, processes. */
export interface SandboxLimits {
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly pids: number;
  /** Smaller than the memory: it is a tmpfs, and a full one must not look like out-of-memory. */
  readonly workTreeBytes: number;
  /** How much of one command's output is kept, head and tail together. */
  readonly outputBytes: number;
  readonly setUpMs: number;
  /** How far set-up may fill its container's own disk. */
  readonly setUpDiskBytes: number;
}

export const defaultLimits: SandboxLimits = {
  memoryBytes: 4 * 1024 ** 3,
  cpus: 2,
  pids: 256, // THREATS §3 D
  workTreeBytes: 2 * 1024 ** 3,
  outputBytes: 1024 ** 2, // THREATS D7
  setUpMs: 15 * 60_000,
  setUpDiskBytes: 10 * 1000 ** 3,
};

export const workTree = '/workspace';
/** Where an environment image keeps the work tree as set-up left it; `/workspace` itself is a volume when work starts. */
export const keptTree = '/environment/workspace';
/** The agent's commands run as this user; PID 1 as the other, so that `kill -KILL -1` leaves the container alive. */
export const agentUser = '10001:10001';
const holderUser = '10002:10001';

export const labels = { owner: 'devstral.owner', run: 'devstral.run', purpose: 'devstral.purpose' } as const;

const scratchBytes = 512 * 1024 ** 2;

// What every process in a sandbox sees. Nothing of the worker's own environment is in here.
export const processEnvironment = {
  HOME: '/tmp/home',
  PATH: `${workTree}/.venv/bin:/usr/local/bin:/usr/bin:/bin`,
  LANG: 'C.UTF-8',
  TERM: 'dumb',
  CI: '1',
  NO_COLOR: '1',
  PAGER: 'cat',
  MANPAGER: 'cat',
  GIT_PAGER: 'cat',
  PIP_PROGRESS_BAR: 'off',
  TQDM_DISABLE: '1',
} as const;

interface Parts {
  readonly name: string;
  /** By content address, never by tag. */
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly limits: SandboxLimits;
  readonly volume: { readonly name: string; readonly readOnly: boolean } | null;
}

/** The one template of a container that untrusted code runs in: no network, no capabilities, nothing of the host. */
export function workContainer({ volume, ...parts }: Parts): ContainerCreateOptions {
  const scratch = `rw,exec,nosuid,nodev,size=${scratchBytes}`;
  return {
    ...holding(parts),
    NetworkDisabled: true,
    HostConfig: {
      ...hardening(parts.limits),
      NetworkMode: 'none',
      ReadonlyRootfs: true,
      // Nothing but the work tree and /tmp can be written: the home folder lies in there.
      Tmpfs: { '/tmp': `${scratch},mode=1777`, '/tmp/home': `${scratch},mode=0700,uid=10001,gid=10001` },
      Mounts: volume ? [{ Type: 'volume', Source: volume.name, Target: workTree, ReadOnly: volume.readOnly }] : [],
    },
  };
}

/**
 * The set-up container: a writable root, no secrets; it is destroyed when set-up is done. Its network has nothing in it
 * but the proxy; without one it has none.
 */
export function setUpContainer({
  network,
  ...parts
}: Omit<Parts, 'volume'> & { readonly network: string | null }): ContainerCreateOptions {
  return {
    ...holding(parts),
    HostConfig: {
      ...hardening(parts.limits),
      NetworkMode: network ?? 'none',
      // Where nobody answers. Else the engine's own resolver passes questions on, and some engines do so from the
      // host's network even for a network without a way out (CVE-2024-29018).
      ...(network && { Dns: ['127.0.0.1'], DnsOptions: ['timeout:1', 'attempts:1'] }),
    },
  };
}

/** The network of one set-up: no way out, and not even the engine's host has an address on it. */
export function setUpNetwork(name: string, marked: Readonly<Record<string, string>>): NetworkCreateOptions {
  return {
    Name: name,
    CheckDuplicate: true,
    Driver: 'bridge',
    Internal: true,
    EnableIPv6: false,
    Labels: { ...marked },
    // `internal` alone stops forwarding, but leaves the host's own services in reach, at any of its addresses.
    Options: { 'com.docker.network.bridge.inhibit_ipv4': 'true' },
  };
}

/** Where the proxy's program lies in its container. */
export const proxyFolder = '/proxy';
/** Where its keys lie, for as long as it runs. */
export const proxyKeys = '/keys';

/** The proxy's container: on the network of set-up, and later on the engine's ordinary one; nothing but its keys can be written by the proxy. */
export function proxyContainer({
  network,
  ...parts
}: Omit<Parts, 'volume' | 'limits'> & { readonly network: string }): ContainerCreateOptions {
  const limits = { memoryBytes: 256 * 1024 ** 2, cpus: 1, pids: 64 };
  return {
    ...holding(parts),
    HostConfig: {
      ...hardening(limits),
      NetworkMode: network,
      ReadonlyRootfs: true,
      Tmpfs: {
        [proxyFolder]: 'rw,noexec,nosuid,nodev,size=1m,mode=0755',
        [proxyKeys]: 'rw,noexec,nosuid,nodev,size=1m,mode=0700,uid=10001,gid=10001',
      },
    },
  };
}

/** A container that does nothing but be there; what happens in it is started from outside. */
function holding({ name, image, labels }: Omit<Parts, 'volume' | 'limits'>): ContainerCreateOptions & { name: string } {
  return {
    name,
    Image: image,
    Labels: labels,
    User: holderUser,
    WorkingDir: '/',
    Entrypoint: ['/bin/sleep'],
    Cmd: ['infinity'],
    Env: Object.entries(processEnvironment).map(([key, value]) => `${key}=${value}`),
  };
}

function hardening(
  limits: Pick<SandboxLimits, 'memoryBytes' | 'cpus' | 'pids'>,
): NonNullable<ContainerCreateOptions['HostConfig']> {
  return {
    Init: true, // reaps: without it 128 zombies left a container unable to fork (THREATS §1.10)
    CapDrop: ['ALL'],
    SecurityOpt: ['no-new-privileges'],
    Privileged: false,
    IpcMode: 'private',
    PidsLimit: limits.pids,
    Memory: limits.memoryBytes,
    MemorySwap: limits.memoryBytes,
    NanoCpus: Math.round(limits.cpus * 1e9),
    Ulimits: [
      { Name: 'nofile', Soft: 4096, Hard: 4096 },
      { Name: 'core', Soft: 0, Hard: 0 },
    ],
    LogConfig: { Type: 'none', Config: {} },
    Binds: [],
    RestartPolicy: { Name: 'no' },
    AutoRemove: false,
  };
}
