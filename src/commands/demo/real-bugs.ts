/** A published package with a real bug, the release that fixed it, and what a user would have written about it. */
export interface RealBug {
  readonly name: string;
  readonly version: string;
  readonly fixedVersion: string;
  readonly title: string;
  readonly body: string;
}

/** Bugs that the packages' own tests show: each fixing release brought the tests that fail before it. */
export const realBugs: readonly RealBug[] = [
  {
    name: 'minimist',
    version: '1.2.5',
    fixedVersion: '1.2.6',
    title: 'Prototype pollution through a constructor path',
    body: [
      "`parse(['--_.concat.constructor.prototype.y', '123'])` sets `y` on `Function.prototype`: every function in the program has it afterwards.",
      '',
      'The guard in `setKey` only looks for `__proto__`. A key that walks through `constructor` must not reach a prototype either.',
      '',
      '```js',
      "require('minimist')(['--_.concat.constructor.prototype.y', '123']);",
      '(function () {}).y; // 123, should be undefined',
      '```',
    ].join('\n'),
  },
  {
    name: 'shell-quote',
    version: '1.7.2',
    fixedVersion: '1.7.3',
    title: 'quote() leaves a backtick unescaped before a colon',
    body: [
      "`quote(['`:\\\\a\\\\b'])` gives a string in which the backtick is not escaped, so a shell runs what follows it.",
      '',
      'The part of the pattern that is meant for Windows drive letters takes characters that are not letters.',
    ].join('\n'),
  },
];

/** The bug of `name@version`, or undefined when the demo does not know it. */
export function findRealBug(specifier: string): RealBug | undefined {
  return realBugs.find((bug) => `${bug.name}@${bug.version}` === specifier);
}
