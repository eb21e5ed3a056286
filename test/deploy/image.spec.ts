import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from '../../src/config/configuration-error.js';
import { readEnvironment } from '../../src/config/environment.js';
import { openFolder } from '../embedded-postgres/folders.js';
import { last } from './dockerfile.js';
import { DOCKERFILE, IMAGE, IMAGE_ENVIRONMENT, LIVEZ, script, SECRETS, strangers } from './facts.js';
import { Tree } from './tree.js';

describe('the image', () => {
  it('is based on Debian with an exact, supported Node version, because Alpine has another C library', () => {
    const base = /^NODE_IMAGE=(node:(\d+)\.\d+\.\d+-\w+-slim)$/;
    const [, tag, major = ''] = base.exec(last(DOCKERFILE.head, 'ARG') ?? '') ?? [];
    expect(Number(major)).toBeGreaterThanOrEqual(22);
    expect(last(IMAGE, 'LABEL')).toContain(`org.opencontainers.image.base.name="docker.io/library/${tag}"`);
  });

  it('is built on the platform of the builder, and only the last stage has that of the image', () => {
    expect(DOCKERFILE.stages.map((stage) => last(stage, 'FROM')?.split(' AS ')[0])).toEqual([
      '--platform=$BUILDPLATFORM ${NODE_IMAGE}',
      '--platform=$BUILDPLATFORM ${NODE_IMAGE}',
      '${NODE_IMAGE}',
    ]);
  });

  it('says which release and revision it is', () => {
    for (const [label, argument] of [
      ['version', 'VERSION'],
      ['revision', 'REVISION'],
      ['source', 'SOURCE'],
    ] as const) {
      expect(last(IMAGE, 'LABEL')).toContain(`org.opencontainers.image.${label}="\${${argument}}"`);
      expect(
        IMAGE.filter(({ name, rest }) => name === 'ARG' && rest.startsWith(`${argument}=`)),
      ).toHaveLength(1);
    }
  });

  it('is built with the compiler of Vite, which is an optional package of each platform', () => {
    const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as {
      packages: Readonly<Record<string, { readonly optional?: boolean }>>;
    };
    expect(lock.packages['node_modules/@rolldown/binding-linux-x64-gnu']?.optional).toBe(true);
    const [build] = DOCKERFILE.stages;
    const installs = (build ?? []).filter(({ name, rest }) => name === 'RUN' && rest.startsWith('npm ci'));
    expect(installs.map(({ rest }) => rest)).toEqual([expect.not.stringContaining('optional')]);
  });

  it('leaves out source maps and types of packages, and nothing else', () => {
    const [, prune = ''] = /&&\s+(find .*)$/.exec(last(DOCKERFILE.stages[1] ?? [], 'RUN') ?? '') ?? [];
    const folder = openFolder();
    const files = ['a.js', 'b.mjs', 'LICENSE.md', 'c.json', 'd.wasm', 'map', 'ts', 'e.tsx.js'];
    const pruned = ['a.js.map', 'a.d.ts', 'b.d.mts', 'c.d.cts', 'c.ts', 'tsconfig.tsbuildinfo'];
    mkdirSync(join(folder, 'node_modules/x'), { recursive: true });
    for (const file of [...files, ...pruned]) writeFileSync(join(folder, 'node_modules/x', file), '');
    expect(spawnSync('sh', ['-c', prune], { cwd: folder }).status).toBe(0);
    expect(readdirSync(join(folder, 'node_modules/x')).toSorted()).toEqual(files.toSorted());
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
