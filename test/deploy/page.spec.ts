import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { strangers } from './facts.js';
import { readKustomization } from './kustomization.js';
import { Tree } from './tree.js';

it.each([
  ['docs/deploy.md', ['POSTGRES_PASSWORD', 'WORKER_SECRET_NAME', 'WORKER_SECRET_NAME_ORIGINS']],
  ['docs/dba.md', ['NODE_EXTRA_CA_CERTS', 'ON_ERROR_STOP']],
])('%s names only variables that exist, and those of other programs', (file, others) => {
  const names = new Set(readFileSync(file, 'utf8').match(/\b[A-Z]{2,}(_[A-Z]+)+\b/g));
  expect(strangers(names).toSorted()).toEqual(others);
});

describe('docs/deploy.md', () => {
  const page = readFileSync('docs/deploy.md', 'utf8');
  const blocks = (language: string) =>
    [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, of, text = '']) =>
      of === language ? [text] : [],
    );

  it('shows an overlay that is valid YAML and changes the image by its name in the base', () => {
    const [overlay = ''] = blocks('yaml');
    const { image } = readKustomization('deploy/kubernetes');
    expect(new Tree(parse(overlay)).at('images', 0)).toMatchObject({
      value: { name: image.name, newTag: image.tag },
    });
  });
});
