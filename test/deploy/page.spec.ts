import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { strangers } from './facts.js';
import { readKustomization, readManifest } from './kustomization.js';
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

  it('shows patches that change what the routes have, and lead to the Service of the admin port', () => {
    const folder = 'deploy/kubernetes/components';
    const routes = ['public', 'internal'].map((name) => readManifest(`${folder}/httproute/${name}.yaml`));
    const patches = blocks('yaml').flatMap((block) => new Tree(parse(block)).at('patches').items());
    expect(patches).toHaveLength(2);
    for (const patch of patches) {
      const route = routes.find(({ value }) =>
        JSON.stringify(value).includes(`"name":"${patch.at('target', 'name').text}"`),
      );
      for (const change of new Tree(parse(patch.at('patch').text)).items()) {
        const steps = change.at('path').text.slice(1).split('/');
        expect(change.at('op').value).toBe('replace');
        expect(
          route?.at(...steps.map((step) => (/^\d+$/.test(step) ? Number(step) : step))).value,
        ).toBeDefined();
      }
    }
    const service = readManifest(`${folder}/admin-port/service.yaml`);
    const led = new Tree(parse(patches[1]?.at('patch').text ?? '')).at(0, 'value').value;
    expect(led).toEqual({
      name: service.at('metadata', 'name').value,
      port: service.at('spec', 'ports', 0, 'port').value,
    });
  });
});
