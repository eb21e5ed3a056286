import { readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';

/** `npm run migration:new -- add-model-policies`: a file to write SQL into. */
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
const name = `${what.replaceAll(/(^|-)([a-z0-9])/g, (_all, _dash, letter: string) => letter.toUpperCase())}${stamp}`;
const file = `migrations/${stamp}-${what}.ts`;
await writeFile(
  file,
  `import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What it is for, and which releases may run beside it. */
export class ${name} implements MigrationInterface {
  readonly name = '${name}';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(\`
    \`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(\`
    \`);
  }
}
`,
);
process.stdout.write(
  `${file}: write it, then add ${name} to src/database/data-source.ts and run npm run schema:write\n`,
);
