import { writeFile } from 'node:fs/promises';

/** `npm run migration:new -- add-model-policies`: a file to write SQL into. */
const what = process.argv[2] ?? '';
if (!/^[a-z][a-z0-9-]*$/.test(what)) {
  process.stderr.write(
    'Say what it does, in lower case with dashes: npm run migration:new -- add-model-policies\n',
  );
  process.exit(1);
}
const stamp = Date.now();
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
