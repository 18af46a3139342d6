import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import Docker from 'dockerode';
import { expect } from 'vitest';

import { profiles } from '../../src/adapters/openai/profiles.ts';
import { wireRequest } from '../../src/adapters/openai/wire.ts';
import { conversationOf } from '../../src/agent/conversation-of.ts';
import { openTools } from '../../src/agent/tools/all.ts';
import type { Runs } from '../../src/core/ports.ts';
import type { JournalEntry } from '../../src/core/run.ts';
import { trajectoryOf } from '../../src/core/trajectory.ts';
import { chosenOf } from '../../src/pipeline/candidate.ts';
import { git } from '../../src/simulation/github/git-store.ts';
import { checkRequest } from '../../src/simulation/model/conversation-check.ts';
import { secretsIn } from './canaries.ts';
import { hostManifest } from './host-manifest.ts';
import type { Outside } from './outside.ts';

// I2: what a run may write, and nothing else.
const mayWrite = [
  /^POST \/repos\/octo\/adder\/issues\/(comments\/)?\d+\/reactions$/,
  /^POST \/repos\/octo\/adder\/issues\/\d+\/comments$/,
  /^PATCH \/repos\/octo\/adder\/issues\/comments\/\d+$/,
  /^POST \/repos\/octo\/adder\/git\/(trees|blobs|commits|refs)$/,
  /^POST \/repos\/octo\/adder\/pulls$/,
];

/** I1–I9 of DESIGN §4, over everything that happened to these runs. */
export async function expectInvariants(
  { github, model, repo, dataFolder, before, refsBefore, violations, apiKey }: Outside,
  { store, ids, log }: { store: Runs; ids: Iterable<string>; log: readonly string[] },
): Promise<void> {
  const runs = [...ids];
  const ended = (await Promise.all(runs.map((run) => store.find(run)))).filter((run) => run !== null);
  expect(violations, 'GitHub’s description').toEqual([]);
  expect(model.violations, 'the model server’s rules').toEqual([]);

  const journals = await Promise.all(runs.map((run) => store.journal(run)));
  const writes = github.writes().map(({ method, path }) => `${method} ${path}`);
  const comments = [...repo.issues.values()].flatMap((issue) => issue.comments).filter((comment) => comment.byApp);

  expect(refusedConversations(journals), 'conversations, in every server’s eyes').toEqual([]);

  // I1: each run has exactly one end, and it can be seen.
  for (const run of ended) expect([run.state, run.outcome !== null], `I1 ${run.id}`).toEqual(['ended', true]);
  const visible = ended.filter((run) => run.outcome?.kind !== 'refused');
  for (const run of visible)
    expect(comments.filter((comment) => comment.body.includes(run.id)).at(0)?.body, `I1 ${run.id}`).toMatch(
      /Done|No pull request|This failed|Stopped/,
    );

  // I2: one status comment, branch and pull request a run; only listed writes; none after the end.
  expect(comments).toHaveLength(visible.length);
  expect(repo.pulls.size).toBeLessThanOrEqual(visible.length);
  expect(writes.filter((write) => !mayWrite.some((pattern) => pattern.test(write)))).toEqual([]);
  await setTimeout(300);
  expect(github.writes()).toHaveLength(writes.length);

  // I3: no secret in prompts, journal, log, comments, pull requests or git's objects.
  const secrets = new Map([
    ['webhook secret', github.webhookSecret],
    ['model key', apiKey],
    ['private key', github.privateKey.split('\n').slice(1, -2).join('')],
  ]);
  for (const [at, token] of github.state.tokens.entries()) secrets.set(`token ${at}`, token.token);
  const objects = await git(repo.folder, ['log', '--all', '-p', '--format=%an %ae %B']);
  const sinks = { prompts: model.requests, journals, log, comments, pulls: [...repo.pulls.values()], objects };
  for (const [sink, content] of Object.entries(sinks))
    expect(secretsIn(JSON.stringify(content), secrets), `I3 ${sink}`).toEqual([]);

  // I4: the sandbox saw no interface but its own loopback (every script prints what it sees).
  const seen = journals
    .flat()
    .filter((entry) => entry.kind === 'observation')
    .map((entry) => entry.observation.text)
    .join('\n');
  const interfaces = [...seen.matchAll(/^\s*(\w+):\s+\d+\s+\d+\s+\d+/gm)].map((match) => match[1]);
  expect(new Set(interfaces)).toEqual(new Set(seen === '' ? [] : ['lo']));

  // I5: nothing of a run is left.
  const docker = new Docker();
  for (const run of runs) {
    const filters = { label: [`devstral.run=${run}`] };
    expect(await docker.listContainers({ all: true, filters }), `I5 ${run}`).toEqual([]);
    expect((await docker.listVolumes({ filters })).Volumes ?? [], `I5 ${run}`).toEqual([]);
    expect(await docker.listNetworks({ filters }), `I5 ${run}`).toEqual([]);
  }
  expect(await readdir(join(dataFolder, 'work')).catch(() => []), 'I5').toEqual([]);

  // I6: only new branches of ours; ordinary modes, no protected path.
  const refs = (await git(repo.folder, ['for-each-ref'])).split('\n');
  expect(refs.filter((ref) => !ref.includes('refs/heads/devstral/'))).toEqual(refsBefore.split('\n'));
  for (const ref of refs.filter((each) => each.includes('refs/heads/devstral/'))) {
    const changed = await git(repo.folder, ['diff-tree', '-r', '--raw', 'refs/heads/main', ref.split(' ')[0] ?? '']);
    for (const line of changed.split('\n'))
      expect(line).toMatch(/^:\d{6} (100644|100755|000000) \S+ \S+ [AMD]\t(?!\.git)/);
  }

  // I7: within the limits of a run.
  for (const journal of journals) {
    const turns = journal.filter((entry) => entry.kind === 'turn');
    expect(turns.length).toBeLessThanOrEqual(50);
    for (const { attempt } of turns)
      expect(turns.filter((turn) => turn.attempt === attempt).length).toBeLessThanOrEqual(20);
  }
  expect(model.tokens()).toBeLessThanOrEqual(500_000);

  // I8: the host is as it was.
  expect([...(await hostManifest())].filter(([path, about]) => before.get(path) !== about)).toEqual([]);

  // I9: numbers about tests come from stored results, not from the model's words.
  for (const pull of repo.pulls.values()) {
    const facts = pull.body.replace(/```text[\s\S]*?```/g, '');
    expect(facts).not.toContain('987654');
    const headlines = journals.map((journal) => chosenOf(journal)?.verdict?.headline).filter(Boolean);
    expect(headlines.some((headline) => facts.includes(headline ?? ''))).toBe(true);
  }
}

/** What any of the servers we know would refuse of what the model was or could have been asked, after each step of each attempt. */
function refusedConversations(journals: readonly (readonly JournalEntry[])[]): string[] {
  const tools = openTools({ extras: true }).map((tool) => tool.definition);
  const refused: string[] = [];
  for (const journal of journals) {
    const attempts = new Set(journal.flatMap((entry) => (entry.kind === 'turn' ? [entry.attempt] : [])));
    for (const attempt of attempts) {
      const { steps, condensations } = trajectoryOf(journal, attempt);
      for (let length = 0; length <= steps.length; length++) {
        const known = condensations.filter(({ upTo }) => upTo <= length);
        const sofar = { steps: steps.slice(0, length), condensations: known };
        const messages = conversationOf({ system: 'S', task: 'T' }, sofar);
        for (const profile of Object.values(profiles))
          for (const dialect of ['native', 'xml'] as const) {
            const checked = checkRequest({ model: 'devstral', ...wireRequest(messages, tools, profile, dialect) });
            if (checked.kind === 'refused') refused.push(`attempt ${attempt}, step ${length}: ${checked.message}`);
          }
      }
    }
  }
  return refused;
}
