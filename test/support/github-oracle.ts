import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import addFormats from 'ajv-formats';

import type { Exchange } from '../../src/simulation/github/state.ts';

type Json = Record<string, unknown>;
interface Operation {
  readonly operationId: string;
  readonly requestBody?: { content?: Json };
  readonly responses: Record<string, Json>;
}

const description = createRequire(import.meta.url)('@octokit/openapi/generated/api.github.com.json') as {
  paths: Record<string, Record<string, Operation>>;
  components: Json;
};

// Statuses that GitHub answers with and its description leaves out, for the routes that we use.
const undocumented: Readonly<Record<string, readonly number[]>> = {
  'apps/revoke-installation-access-token': [401],
  'repos/get-collaborator-permission-level': [401, 403],
  '*': [401, 403, 404, 422, 500, 502],
};

const ajv = new Ajv({ strict: false, allErrors: false, validateFormats: false });
addFormats.default(ajv);
ajv.addSchema(withoutNullable({ $id: 'github', components: description.components }) as Json);
const compiled = new Map<string, ValidateFunction>();

const routes = Object.entries(description.paths).flatMap(([path, operations]) =>
  Object.entries(operations).map(([method, operation]) => ({
    path,
    method: method.toUpperCase(),
    operation,
    // A parameter takes one part of the path; `{ref}` and `{branch}` take the rest.
    pattern: new RegExp(
      `^${path
        .replace(/[.]/g, '\\.')
        .replace(/\{(ref|branch|path)\}/g, '(.+)')
        .replace(/\{[^}]+\}/g, '([^/]+)')}$`,
    ),
  })),
);

/** What is wrong with an exchange by GitHub's own description; empty when nothing is. */
export function violationsOf({ method, path, requestBody, status, body }: Exchange): string[] {
  const plain = path.split('?')[0] ?? path;
  // The route with the most literal parts is the one that is meant.
  const [route] = routes
    .filter((each) => each.method === method && each.pattern.test(plain))
    .sort((one, other) => one.path.split('{').length - other.path.split('{').length);
  if (!route) return [`${method} ${plain}: GitHub has no such operation`];
  const about = `${method} ${route.path}`;
  const { operation } = route;
  const asked = schemaAt(operation.requestBody?.content, `${operation.operationId} request`);
  const problems = asked && requestBody !== undefined ? problemsOf(asked, requestBody, `${about} request`) : [];
  const response = resolved(operation.responses[String(status)]);
  if (!response)
    return [
      ...problems,
      ...(isAllowed(operation.operationId, status) ? [] : [`${about}: status ${status} is not documented`]),
    ];
  const answered = schemaAt(response.content as Json | undefined, `${operation.operationId} ${status}`);
  return [...problems, ...(answered ? problemsOf(answered, body, `${about} ${status}`) : [])];
}

function isAllowed(operation: string, status: number): boolean {
  return [...(undocumented[operation] ?? []), ...(undocumented['*'] ?? [])].includes(status);
}

function schemaAt(content: Json | undefined, key: string): ValidateFunction | null {
  const schema = (content?.['application/json'] as Json | undefined)?.schema as Json | undefined;
  if (!schema) return null;
  const known = compiled.get(key);
  if (known) return known;
  const made = ajv.compile(withoutNullable(schema) as Json);
  compiled.set(key, made);
  return made;
}

function problemsOf(validate: ValidateFunction, value: unknown, where: string): string[] {
  if (validate(value)) return [];
  return (validate.errors ?? [])
    .slice(0, 3)
    .map((error) => `${where}: ${error.instancePath || '(top)'} ${error.message}`);
}

function resolved(response: Json | undefined): Json | undefined {
  const name = typeof response?.$ref === 'string' ? response.$ref.split('/').at(-1) : undefined;
  return name ? ((description.components.responses as Json)[name] as Json) : response;
}

/** OpenAPI 3.0's `nullable` in words that Ajv knows, and references that point into the one registered schema. */
function withoutNullable(schema: unknown): unknown {
  if (Array.isArray(schema)) return schema.map(withoutNullable);
  if (typeof schema !== 'object' || schema === null) return schema;
  const { nullable, ...rest } = schema as Json;
  const plain = Object.fromEntries(
    Object.entries(rest).map(([key, value]) => [
      key,
      key === '$ref' && typeof value === 'string'
        ? value.replace(/^#/, 'github#')
        : key === 'example' || key === 'examples'
          ? undefined
          : withoutNullable(value),
    ]),
  );
  return nullable === true ? { anyOf: [{ type: 'null' }, plain] } : plain;
}
