import { existsSync, readFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/config/configuration-error.js';
import { readEnvironment } from '../../src/config/environment.js';
import { last } from './dockerfile.js';
import { DOCKERFILE, IMAGE, IMAGE_ENVIRONMENT, LIVEZ, script, SECRETS, strangers } from './facts.js';
import { Tree } from './tree.js';

describe('the image', () => {
  it('is based on Debian with a supported Node version, because Alpine has another C library', () => {
    const [, major = ''] = /^NODE_IMAGE=node:(\d+)-slim$/.exec(last(DOCKERFILE.head, 'ARG') ?? '') ?? [];
    expect(Number(major)).toBeGreaterThanOrEqual(22);
    expect(DOCKERFILE.stages.map((stage) => last(stage, 'FROM')?.split(' ')[0])).toEqual(
      DOCKERFILE.stages.map(() => '${NODE_IMAGE}'),
    );
  });

  it('runs as an unprivileged user with a numeric id, which Kubernetes can check', () => {
    expect(last(IMAGE, 'USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  });

  it('starts the command of `npm run start:prod` as one process that receives signals', () => {
    const command: unknown = JSON.parse(last(IMAGE, 'CMD') ?? '');
    expect(command).toEqual(script('start:prod').replace('exec ', '').split(' '));
    expect(last(IMAGE, 'STOPSIGNAL')).toBe('SIGTERM');
    expect(last(IMAGE, 'ENTRYPOINT')).toBeUndefined();
  });

  it('sets only known variables, and listens on the exposed port', () => {
    expect(strangers(Object.keys(IMAGE_ENVIRONMENT))).toEqual([]);
    const { server } = readEnvironment({ ...IMAGE_ENVIRONMENT, ...SECRETS });
    expect(server.host).toBe('0.0.0.0');
    expect(last(IMAGE, 'EXPOSE')).toBe(String(server.port));
  });

  it('refuses to start without a key and a database', () => {
    expect(() => readEnvironment(IMAGE_ENVIRONMENT)).toThrow(ConfigurationError);
  });

  it('checks its health by a request that fails if nothing listens', () => {
    const [, words] = / CMD (\[.*\])$/.exec(last(IMAGE, 'HEALTHCHECK') ?? '') ?? [];
    const [, ...check] = new Tree(JSON.parse(words ?? '[]')).items().map((word) => word.text);
    expect(check.join(' ')).toContain(LIVEZ);
    const { status } = spawnSync(process.execPath, check, { env: { PORT: '1' } });
    expect(status).toBe(1);
  });

  it('copies only existing files that .dockerignore allows, and .dockerignore excludes all others', () => {
    const rules = readFileSync('.dockerignore', 'utf8').split('\n');
    const copied = DOCKERFILE.stages
      .flat()
      .filter(({ name, rest }) => name === 'COPY' && !rest.startsWith('--from'))
      .flatMap(({ rest }) => rest.split(/\s+/).slice(0, -1));
    expect(copied).toContain('package-lock.json');
    expect(copied.filter((file) => !existsSync(file))).toEqual([]);
    expect(rules).toContain('*');
    expect(
      rules
        .filter((rule) => rule.startsWith('!'))
        .map((rule) => rule.slice(1))
        .toSorted(),
    ).toEqual([...new Set(copied)].toSorted());
  });
});
