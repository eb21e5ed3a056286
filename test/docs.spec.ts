import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const PAGES = [
  'README.md',
  'ARCHITECTURE.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => join('docs', file)),
];

describe.each(PAGES)('%s', (page) => {
  const text = readFileSync(page, 'utf8').replaceAll(/^```[^]*?^```$/gm, '');

  it('links only to files and headings that exist', () => {
    const links = [...text.matchAll(/\]\(([^)\s]+)\)/g)].flatMap(([, link = '']) =>
      link.startsWith('http') ? [] : [link],
    );
    expect(links.filter((link) => !leadsSomewhere(page, link))).toEqual([]);
  });
});

describe.each(['ARCHITECTURE.md', 'SECURITY.md', 'docs/code-map.md'])('%s', (page) => {
  it('names only source files and folders that exist', () => {
    const text = readFileSync(page, 'utf8');
    const names = [...text.matchAll(/`([\w./-]+(?:\.(?:c?ts|mjs|cjs|sql|md|json)|\/))`/g)].map(
      ([, name = '']) => name,
    );
    expect(
      names.filter((name) => !['.', 'src', 'test'].some((folder) => existsSync(join(folder, name)))),
    ).toEqual([]);
  });
});

/** Of people and speech, for what clients and processes do: they request, receive and report. */
const PERSONAL = /\b(?:he|his|him|whoever|nobody|somebody|said|asks|asked|asking|tells?|told)\b/gi;
/** Where such a word is right: an OS user, prompts of fixtures, and the answer of the echo upstream. */
const ALLOWED = [/\buser nobody\b|`nobody`|\bNOBODY\b/g, /\b[Tt]ell me\b/g, /\bYou said: /g];
const NOT_PROSE =
  /^(?:CHANGELOG\.md|docs\/demo\.md|test\/docs\.spec\.ts|test\/fixtures\/presets\/|console\/src\/api\/schema\.d\.ts)/;

describe('code and documentation', () => {
  it('speak of clients and processes as of things, not of people', () => {
    const files = [
      ...readdirSync('.').filter(
        (name) => name.endsWith('.md') || /^(?:\.env\.example|Dockerfile)$/.test(name),
      ),
      ...['src', 'console', 'test', 'bench', 'docs', 'deploy'].flatMap((folder) =>
        readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
      ),
    ].filter((file) => /\.(?:tsx?|md|ya?ml|sql)$|Dockerfile$|example$/.test(file) && !NOT_PROSE.test(file));
    const found = files.flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .flatMap((line, at) => {
          const text = ALLOWED.reduce((left, allowed) => left.replaceAll(allowed, ''), line);
          return (text.match(PERSONAL) ?? []).map((word) => `${file}:${at + 1}: ${word}`);
        }),
    );
    expect(found).toEqual([]);
  });
});

function leadsSomewhere(page: string, link: string): boolean {
  const [path = '', heading] = link.split('#');
  const target = path === '' ? page : join(dirname(page), path);
  if (!existsSync(target)) return false;
  return heading === undefined || headingsOf(readFileSync(target, 'utf8')).includes(heading);
}

/** Anchors as GitHub writes them. */
function headingsOf(markdown: string): string[] {
  return [...markdown.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}
