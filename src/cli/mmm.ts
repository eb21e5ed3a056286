#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { Api, CliError } from './api.js';
import { chat } from './chat.js';
import { explain } from './explain.js';
import { createKey, listKeys, type NewKey, revokeKey, rotateKey } from './keys.js';
import { watch } from './watch.js';
import { models, register, type Switch, switchWorker, type WorkerFilter, workers } from './workers.js';

const ROLES = 'admin, operator, registrar, inference or viewer';
const SWITCHES: Readonly<Record<Switch, string>> = {
  enable: 'ON: the worker gets requests again; ejections are forgotten',
  disable: 'OFF until it is enabled; running requests finish',
  drain: 'no new requests; running ones finish, then the worker is offline',
  offline: 'out at once; registering it again brings it back',
};

const stop = new AbortController();

function program(): Command {
  const mmm = new Command('mmm')
    .description('Sees and operates a Multi-Model Manager from a terminal.')
    .version(version())
    .addHelpText(
      'after',
      '\nMMM_URL is the address (http://127.0.0.1:8007), MMM_KEY the key. Without a terminal, results are JSON.' +
        '\nWORKER is an id, the name of a model with one worker, or model/name.',
    )
    .exitOverride()
    .configureHelp({ showGlobalOptions: false });
  filtered(mmm.command('workers').description('lists workers'))
    .option('-n, --limit <count>', 'at most so many', wholeNumber)
    .action((filter: WorkerFilter & { json?: boolean }) => workers(api(), filter));
  filtered(mmm.command('watch').description('shows workers live, until ^C')).action((filter: WorkerFilter) =>
    watch(api(), filter, stop.signal),
  );
  json(mmm.command('models').description('lists models')).action((options: { json?: boolean }) =>
    models(api(), options),
  );
  json(
    mmm
      .command('register')
      .description('registers a worker, or changes the one with the same model and name'),
  )
    .requiredOption('-f, --file <file>', 'the registration as JSON; -: standard input')
    .option('--dry-run', 'shows the request that the worker would get, and stores nothing')
    .option('--call', 'with --dry-run: sends it, and shows the answer')
    .action(({ file, ...options }: { file: string; dryRun?: boolean; call?: boolean; json?: boolean }) =>
      register(api(), file, options),
    );
  for (const [name, description] of Object.entries(SWITCHES))
    json(mmm.command(`${name} <worker>`).description(description))
      .option('--note <text>', 'why, for the history')
      .action((worker: string, options: { note?: string; json?: boolean }) =>
        switchWorker(api(), name as Switch, worker, options),
      );
  json(
    mmm.command('chat <model> [words...]').description('sends a prompt, and writes the answer as it comes'),
  )
    .option('-s, --system <text>', 'instructions before the prompt')
    .action((model: string, words: string[], options: { system?: string; json?: boolean }) =>
      chat(api(), model, words, options),
    );
  json(
    mmm
      .command('explain <model> [words...]')
      .description('shows where a prompt would go now, and why not elsewhere; sends nothing'),
  ).action((model: string, words: string[], options: { json?: boolean }) =>
    explain(api(), model, words, options),
  );

  const keys = mmm.command('keys').description('makes, lists, rotates and revokes keys');
  json(keys.command('create').description('makes a key, which is shown once'))
    .requiredOption('--name <name>', 'its name in the history and in usage')
    .requiredOption('--role <role>', ROLES)
    .option('--team <team>', 'the team whose limits and turns it shares')
    .option('--priority <class>', 'the class of its requests: interactive, default or bulk')
    .option('--act-for <teams>', 'the teams that x-mmm-tenant may name, with commas; * for every team')
    .option('--models <names>', 'the models it may call, with commas; * at the end of a name')
    .option('--expires <when>', 'a span such as 12h or 30d, or a date')
    .action((options: NewKey) => createKey(api(), options));
  json(keys.command('list').description('lists keys')).action((options: { json?: boolean }) =>
    listKeys(api(), options),
  );
  json(keys.command('rotate <key>').description('gives a key, by its name or id, a new value'))
    .option('--overlap <seconds>', 'how long the former value stays valid', wholeNumber)
    .action((key: string, options: { overlap?: number; json?: boolean }) => rotateKey(api(), key, options));
  json(keys.command('revoke <key>').description('ends a key for good, by its name or id')).action(
    (key: string, options: { json?: boolean }) => revokeKey(api(), key, options),
  );
  return mmm;
}

function json(command: Command): Command {
  return command.option('--json', 'JSON, on a terminal, too');
}

function filtered(command: Command): Command {
  return json(command)
    .option('-m, --model <name>', 'of this model')
    .option('--state <state>', 'enabled, disabled, draining or offline')
    .option('--health <health>', 'unknown, healthy, suspect, unhealthy or warming')
    .option('--owner <owner>', 'of this owner')
    .option('--label <name:value>', 'with this label');
}

function api(): Api {
  return Api.of(process.env);
}

function wholeNumber(text: string): number {
  if (!/^\d{1,7}$/.test(text)) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** The exit status of a failure, after it was reported. */
function report(error: unknown): number {
  // Help and version are no failures; of others, commander has written what is wrong.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  process.stderr.write(`mmm: ${error instanceof Error ? error.message : String(error)}\n`);
  return error instanceof CliError ? error.exitCode : 1;
}

// `| head` has seen enough.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
for (const name of ['SIGINT', 'SIGTERM'] as const)
  process.once(name, () => {
    stop.abort();
    // What does not end by itself, such as an answer that is being written.
    setTimeout(() => process.exit(130), 200).unref();
  });

try {
  await program().parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
