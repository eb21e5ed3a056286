import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';

/** `npm run migration:new -- add-model-policies`: two files to write SQL into. */
const what = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9-]*$/.test(what)) {
  process.stderr.write(
    'Say what it does, in lower case with dashes: npm run migration:new -- add-model-policies\n',
  );
  process.exit(1);
}
// Stamps of existing migrations may lie in the future, and migrations run in the order of their stamps.
const newest = Math.max(...readdirSync('migrations').map((file) => Number.parseInt(file, 10) || 0));
const stamp = Math.max(Date.now(), newest + 1);
const base = `migrations/${stamp}-${what}`;
await writeFile(`${base}.up.sql`, '-- What it is for, and which releases may run beside it.\n\n');
await writeFile(
  `${base}.down.sql`,
  '-- loses <table>[.<column>]: SELECT count(*) FROM <table> WHERE …\n-- or: loses nothing\n\n',
);
process.stdout.write(`${base}.up.sql, .down.sql: write them, then run npm run schema:write\n`);
