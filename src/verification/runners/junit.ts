import { XMLParser } from 'fast-xml-parser';

import type { TestResult, TestStatus } from '../../core/verdict.ts';

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '',
  parseAttributeValue: false,
  parseTagValue: false,
  // Expanding what a document declares could make a small report a large one.
  processEntities: { enabled: true, maxTotalExpansions: 1_000_000 },
  isArray: (name) => ['testsuite', 'testcase'].includes(name),
});

type Node = Readonly<Record<string, unknown>>;

/** Reads JUnit's XML. `nameOf` says what identifies a test, from its attributes and the suites around it. */
export function parseJunit(
  text: string,
  nameOf: (testcase: Node, suites: readonly string[]) => { file: string; name: string },
): TestResult[] | null {
  const document = parsed(text);
  if (!document) return null;
  const roots = isNode(document.testsuites) ? [document.testsuites] : nodes(document.testsuite);
  if (roots.length === 0) return document.testsuites === undefined ? null : [];
  return roots.flatMap((root) =>
    casesOf(root, []).map(({ testcase, suites }) => ({ ...nameOf(testcase, suites), ...statusOf(testcase) })),
  );
}

function casesOf(suite: Node, suites: readonly string[]): { testcase: Node; suites: readonly string[] }[] {
  const inner = nodes(suite.testsuite).flatMap((each) => casesOf(each, [...suites, textOf(each.name)]));
  return [...nodes(suite.testcase).map((testcase) => ({ testcase, suites })), ...inner];
}

function statusOf(testcase: Node): { status: TestStatus; message: string } {
  const skipped = testcase.skipped;
  if (testcase.failure !== undefined) return { status: 'failed', message: messageOf(testcase.failure) };
  if (testcase.error !== undefined) return { status: 'error', message: messageOf(testcase.error) };
  if (skipped === undefined) return { status: 'passed', message: '' };
  const expected = isNode(skipped) && skipped.type === 'pytest.xfail';
  return { status: expected ? 'xfail' : 'skipped', message: messageOf(skipped) };
}

function messageOf(part: unknown): string {
  const first: unknown = Array.isArray(part) ? part[0] : part;
  if (!isNode(first)) return typeof first === 'string' ? first : '';
  return [first.message, first['#text']].filter((text) => typeof text === 'string').join('\n');
}

function parsed(text: string): Node | null {
  try {
    const value: unknown = parser.parse(text, true);
    return isNode(value) ? value : null;
  } catch {
    return null;
  }
}

function nodes(value: unknown): Node[] {
  return (Array.isArray(value) ? value : [value]).filter(isNode);
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An attribute as text; absent is empty. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
