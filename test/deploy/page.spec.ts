import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { strangers } from './facts.js';
import { readKustomization } from './kustomization.js';
import { Tree } from './tree.js';

describe('docs/deploy.md', () => {
  const page = readFileSync('docs/deploy.md', 'utf8');
  const blocks = (language: string) =>
    [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, of, text = '']) =>
      of === language ? [text] : [],
    );

  it('names only variables that exist', () => {
    const names = new Set(page.match(/\b[A-Z]{2,}(_[A-Z]+)+\b/g));
    expect(strangers(names)).toEqual(['POSTGRES_PASSWORD', 'ON_ERROR_STOP', 'WORKER_SECRET_NAME']);
  });

  it('shows an overlay that is valid YAML and changes the image by its name in the base', () => {
    const [overlay = ''] = blocks('yaml');
    const { image } = readKustomization('deploy/kubernetes');
    expect(new Tree(parse(overlay)).at('images', 0)).toMatchObject({
      value: { name: image.name, newTag: image.tag },
    });
  });
});
