import { readFileSync } from 'node:fs';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { VARIABLES } from '../../src/config/variables.js';
import { ReadinessController } from '../../src/health/readiness.controller.js';
import { environmentOf, readDockerfile } from './dockerfile.js';
import { Tree } from './tree.js';

/** The facts that deployment files must match. */
export const MANIFEST = new Tree(JSON.parse(readFileSync('package.json', 'utf8')));

export const script = (name: string): string => MANIFEST.at('scripts', name).text;

export const VARIABLE_NAMES: readonly string[] = Object.keys(VARIABLES);

/** Variables that are not settings of this service. */
export const strangers = (names: Iterable<string>): readonly string[] =>
  [...names].filter((name) => !VARIABLE_NAMES.includes(name));

/** The paths of the liveness and readiness probes. */
export const [LIVEZ, READYZ] = [pathOf('livez'), pathOf('readyz')];

/** The settings that an operator provides. */
export const SECRETS = {
  DATABASE_URL: 'postgres://mmm:secret@db.internal:5432/mmm?sslmode=verify-full',
  ADMIN_API_KEY: '0123456789abcdef0123456789abcdef',
  CREDENTIALS_KEYS: `k1:${'A'.repeat(43)}=`,
};

/** The time that a stop takes after draining: closing connections and ending the process. */
export const STOP_MARGIN_MS = 10_000;

export const DOCKERFILE = readDockerfile('Dockerfile');
export const IMAGE = DOCKERFILE.stages.at(-1) ?? [];
export const IMAGE_ENVIRONMENT = environmentOf(IMAGE);

function pathOf(route: 'livez' | 'readyz'): string {
  const handler: object = Reflect.get(ReadinessController.prototype, route);
  return `/${String(Reflect.getMetadata(PATH_METADATA, handler))}`;
}
