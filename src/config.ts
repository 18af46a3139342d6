import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';

import { SettingsError } from './core/errors.ts';
import type { AttemptSettings } from './core/run.ts';

// The only reader of process.env. Each command takes the part it needs; each refusal says where the value comes from.

/** The environment as the settings see it. An empty value is an unset one. */
export type Variables = Readonly<Record<string, string | undefined>>;

/** The environment of this process, without empty values. */
export function environmentVariables(): Variables {
  return Object.fromEntries(Object.entries(process.env).filter(([, value]) => value !== ''));
}

const number = (fallback: number) => z.coerce.number().positive().default(fallback);
const onOff = (fallback: 'on' | 'off') => z.enum(['on', 'off'], { error: 'must be on or off' }).default(fallback);

const hostPattern = /^(\*\.)?([\w-]+(\.[\w-]+)*|\[[\da-f:.]+\])(:\d{1,5})?$/i;

/** Hosts between commas. */
const hosts = z
  .string()
  .default('')
  .transform((text) =>
    text
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean),
  )
  .refine((list) => list.every((each) => hostPattern.test(each)), {
    error: 'must be hosts between commas, such as packages.example.com,*.example.org:8443',
  });

const ModelVariables = z.object({
  MODEL_BASE_URL: z.url({
    protocol: /^https?$/,
    error: 'must be the URL of an OpenAI-compatible server, such as http://127.0.0.1:8000/v1',
  }),
  MODEL_NAME: z.string({ error: 'must be the model id that the server lists under /v1/models' }),
  MODEL_API_KEY: z.string().optional(),
  MODEL_PROFILE: z.enum(['vllm', 'llamacpp', 'ollama', 'mistral', 'openai']).default('vllm'),
  MODEL_DIALECT: z.enum(['native', 'xml']).optional(),
  MODEL_TEMPERATURE: z.coerce.number().min(0).max(2).default(0.15), // the model card's value (DEVSTRAL §1.5)
  MODEL_CONTEXT_TOKENS: number(131_072), // the context that the model was trained to (DEVSTRAL §1.1)
  MODEL_MAX_TOKENS: number(8_192),
  MODEL_TIMEOUT_SECONDS: number(600), // THREATS M3: total limit 10 minutes
});

const WorkVariables = z.object({
  DEVSTRAL_DATA: z.string().optional(),
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/, error: 'must look like postgres://user:password@host:5432/name' })
    .optional(),
  DOCKER_HOST: z.string().optional(),
  PATH: z.string().default('/usr/local/bin:/usr/bin:/bin'),
  NODE_EXTRA_CA_CERTS: z.string().optional(),
  SANDBOX_MEMORY_MB: number(4_096),
  SANDBOX_CPUS: number(2),
  SANDBOX_WORK_TREE_MB: number(2_048),
  SETUP_ALLOW_HOSTS: hosts,
  SETUP_PRIVATE_HOSTS: hosts,
  SETUP_CREDENTIALS: z.string().optional(),
  SETUP_DISK_MB: number(10_000),
  ATTEMPTS: z.coerce.number().int().min(1).max(10).default(3), // DEVSTRAL §2.1
  ATTEMPTS_IN_PARALLEL: z.coerce.number().int().min(1).max(10).default(1),
  PAPER_MODE: onOff('off'),
  EXTRA_TOOLS: onOff('on'),
  LIMIT_STEPS: number(100), // DEVSTRAL §1.1: 50 → 100 steps brought no more
  LIMIT_TOKENS: number(8_000_000),
  LIMIT_MINUTES: number(60),
  LIMIT_RUN_STEPS: number(300),
  LIMIT_RUN_TOKENS: number(20_000_000),
  LIMIT_RUN_MINUTES: number(150),
  LIMIT_TESTS_MINUTES: number(30), // PEERS §4.7: verification ceiling
  LIMIT_DEADLINE_HOURS: number(24),
  WORKERS: z.coerce.number().int().positive().default(1),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
});

const webhookSecretBytes = 32; // THREATS A7

const AppVariables = z.object({
  APP_ID: z.coerce
    .number({ error: 'must be the number under "App ID" on the app\'s settings page at GitHub' })
    .int()
    .positive(),
  PRIVATE_KEY: z.string().optional(),
  PRIVATE_KEY_PATH: z.string().optional(),
  WEBHOOK_SECRET: z
    .string({
      error: "must be the webhook secret from the app's settings page at GitHub; make one with: openssl rand -hex 32",
    })
    .refine((secret) => Buffer.byteLength(secret) >= webhookSecretBytes && secret !== 'development', {
      error: `must have at least ${webhookSecretBytes} bytes; make one with: openssl rand -hex 32, and enter it on the app's settings page too`,
    }),
  GITHUB_API_URL: z
    .url({ protocol: /^https?$/, error: 'must be a URL such as https://github.example.com/api/v3' })
    .default('https://api.github.com'),
  GITHUB_WEB_URL: z.url({ protocol: /^https?$/ }).optional(),
  HOST: z.string().default('127.0.0.1'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000),
});

/** How the model is reached. */
export interface ModelSettings {
  readonly baseUrl: string;
  readonly name: string;
  readonly apiKey: string | null;
  readonly profile: z.infer<typeof ModelVariables>['MODEL_PROFILE'];
  /** Null: as the profile says. */
  readonly dialect: 'native' | 'xml' | null;
  readonly temperature: number;
  readonly contextTokens: number;
  readonly maxTokens: number;
  readonly timeoutMs: number;
}

/** Where work happens and how much of it there may be. */
export interface WorkSettings {
  readonly dataFolder: string;
  readonly databaseUrl: string | null;
  readonly dockerHost: string | null;
  /** PATH, for the git that we start. */
  readonly searchPath: string;
  readonly caFile: string | null;
  readonly caCertificates: string | null;
  readonly sandbox: {
    readonly memoryBytes: number;
    readonly cpus: number;
    readonly workTreeBytes: number;
    readonly setUpDiskBytes: number;
  };
  /** What set-up may reach besides the usual registries. */
  readonly proxy: {
    readonly allowHosts: readonly string[];
    readonly privateHosts: readonly string[];
    /** Origin → Authorization header. */
    readonly credentials: Readonly<Record<string, string>>;
  };
  readonly attempts: AttemptSettings;
  readonly testsMs: number;
  readonly deadlineMs: number;
  readonly workers: number;
  readonly logLevel: z.infer<typeof WorkVariables>['LOG_LEVEL'];
}

/** Who we are at GitHub, and where we listen. */
export interface AppSettings {
  readonly appId: number;
  readonly privateKey: string;
  readonly webhookSecret: string;
  readonly apiUrl: string;
  readonly webUrl: string;
  readonly host: string;
  readonly port: number;
}

export function modelSettings(variables: Variables): ModelSettings {
  const read = parse(ModelVariables, variables);
  return {
    baseUrl: read.MODEL_BASE_URL,
    name: read.MODEL_NAME,
    apiKey: read.MODEL_API_KEY ?? null,
    profile: read.MODEL_PROFILE,
    dialect: read.MODEL_DIALECT ?? null,
    temperature: read.MODEL_TEMPERATURE,
    contextTokens: read.MODEL_CONTEXT_TOKENS,
    maxTokens: read.MODEL_MAX_TOKENS,
    timeoutMs: read.MODEL_TIMEOUT_SECONDS * 1000,
  };
}

export function workSettings(variables: Variables): WorkSettings {
  const read = parse(WorkVariables, variables);
  const megabyte = 1024 * 1024;
  return {
    dataFolder:
      read.DEVSTRAL_DATA ?? join(variables.XDG_DATA_HOME ?? join(homedir(), '.local', 'share'), 'devstral-bot'),
    databaseUrl: read.DATABASE_URL ?? null,
    dockerHost: read.DOCKER_HOST ?? null,
    searchPath: read.PATH,
    caFile: read.NODE_EXTRA_CA_CERTS ?? null,
    caCertificates: read.NODE_EXTRA_CA_CERTS ? readText('NODE_EXTRA_CA_CERTS', read.NODE_EXTRA_CA_CERTS) : null,
    sandbox: {
      memoryBytes: read.SANDBOX_MEMORY_MB * megabyte,
      cpus: read.SANDBOX_CPUS,
      workTreeBytes: read.SANDBOX_WORK_TREE_MB * megabyte,
      setUpDiskBytes: read.SETUP_DISK_MB * 1_000_000,
    },
    proxy: {
      allowHosts: read.SETUP_ALLOW_HOSTS,
      privateHosts: read.SETUP_PRIVATE_HOSTS,
      credentials: read.SETUP_CREDENTIALS ? readCredentials(read.SETUP_CREDENTIALS) : {},
    },
    attempts: {
      most: read.ATTEMPTS,
      parallel: read.ATTEMPTS_IN_PARALLEL,
      attempt: { steps: read.LIMIT_STEPS, tokens: read.LIMIT_TOKENS, minutes: read.LIMIT_MINUTES },
      run: { steps: read.LIMIT_RUN_STEPS, tokens: read.LIMIT_RUN_TOKENS, minutes: read.LIMIT_RUN_MINUTES },
      paper: read.PAPER_MODE === 'on',
      extraTools: read.EXTRA_TOOLS === 'on',
    },
    testsMs: read.LIMIT_TESTS_MINUTES * 60_000,
    deadlineMs: read.LIMIT_DEADLINE_HOURS * 3_600_000,
    workers: read.WORKERS,
    logLevel: read.LOG_LEVEL,
  };
}

export function appSettings(variables: Variables): AppSettings {
  const read = parse(AppVariables, variables);
  const key = read.PRIVATE_KEY ?? (read.PRIVATE_KEY_PATH && readText('PRIVATE_KEY_PATH', read.PRIVATE_KEY_PATH));
  if (!key) {
    throw new SettingsError(
      'PRIVATE_KEY_PATH must name the .pem file that GitHub gave you under "Private keys" on the app\'s settings page (or PRIVATE_KEY hold its text).',
    );
  }
  return {
    appId: read.APP_ID,
    privateKey: privateKeyText(key),
    webhookSecret: read.WEBHOOK_SECRET,
    apiUrl: read.GITHUB_API_URL.replace(/\/+$/, ''),
    webUrl: (read.GITHUB_WEB_URL ?? webUrlOf(read.GITHUB_API_URL)).replace(/\/+$/, ''),
    host: read.HOST,
    port: read.PORT,
  };
}

/** A key on one line, with `\n` for its line breaks, is how many process managers hand it over. */
function privateKeyText(text: string): string {
  const key = `${text.replaceAll('\\n', '\n').trim()}\n`;
  try {
    createPrivateKey(key);
    return key;
  } catch (cause) {
    throw new SettingsError(
      "The private key cannot be read as one: it must be the whole .pem file from the app's settings page at GitHub, from -----BEGIN to the last line.",
      { cause },
    );
  }
}

/** GitHub Enterprise Server answers at <web>/api/v3; github.com at a host of its own. */
function webUrlOf(apiUrl: string): string {
  const url = new URL(apiUrl);
  return url.host === 'api.github.com' ? 'https://github.com' : url.href.replace(/\/api\/v3\/?$/, '');
}

function parse<T>(schema: z.ZodType<T>, variables: Variables): T {
  const parsed = schema.safeParse(variables);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new SettingsError(`${issue?.path.join('.') ?? 'A setting'} ${issue?.message ?? 'is wrong'}.`);
}

const origin = z.url({ protocol: /^https?$/, hostname: /^([\w.-]+|\[[\da-f:.]+\])$/i }).refine((text) => {
  const url = new URL(text);
  return url.pathname === '/' && url.search === '' && url.hash === '' && url.username === '';
});
const Credentials = z.record(origin, z.string().regex(/^[\x20-\x7e]+$/));

function readCredentials(path: string): Record<string, string> {
  const text = readText('SETUP_CREDENTIALS', path);
  try {
    const read = Credentials.parse(JSON.parse(text));
    return Object.fromEntries(Object.entries(read).map(([url, header]) => [new URL(url).origin, header]));
  } catch {
    // No cause: it might quote what is in there.
    throw new SettingsError(
      `SETUP_CREDENTIALS names ${path}, which must be JSON such as {"https://packages.example.com": "Bearer …"}.`,
    );
  }
}

function readText(variable: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new SettingsError(`${variable} names ${path}, which cannot be read.`, { cause });
  }
}
