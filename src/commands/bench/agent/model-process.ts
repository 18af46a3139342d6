import { startModel } from '../../../simulation/model/model-server.ts';

// A process of its own, so that the worker's time and memory are the worker's: prints its URL and lives until its parent goes.

const model = await startModel({
  model: 'devstral',
  script: (conversation, turn) => {
    const steps = Number(/bench of (\d+) steps/.exec(conversation[1]?.content ?? '')?.[1] ?? 0);
    if (turn >= steps) return { calls: [{ name: 'finish', arguments: { message: 'Done.' } }] };
    return { calls: [{ name: 'execute_bash', arguments: { command: `echo step ${turn}` } }] };
  },
});
process.stdout.write(`${model.url}\n`);
process.stdin.resume().on('end', () => process.exit(0));
