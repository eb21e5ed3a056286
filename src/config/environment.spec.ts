import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { ROLES } from '../access/roles.js';
import { readEnvironment, readProcessEnvironment } from './environment.js';
import type { Variable } from './variable.js';
import { TUNING, tuned } from './tuning.js';
import { REMOVED_VARIABLES, VARIABLES } from './variables.js';

type Environment = Readonly<Record<string, string>>;

const ALL = Object.entries<Variable<unknown>>(VARIABLES);
const URL = 'postgres://mmm:pass@db.internal:5432/mmm';
const KEY = 'a-key-of-24-characters!!';
const BASE64_KEY = `${'A'.repeat(43)}=`;

function faultsOf(environment: Environment): ConfigurationError['faults'] {
  try {
    readEnvironment(environment);
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults;
    throw error;
  }
  return [];
}

const faultyVariables = (environment: Environment) => faultsOf(environment).map(({ variable }) => variable);

describe('readEnvironment', () => {
  it('takes any text for any variable, or names the variable, and never fails otherwise', () => {
    const anything = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.integer().map(String),
      fc.constantFrom(
        'on',
        'off',
        'local',
        'true',
        'auto',
        'embedded',
        URL,
        KEY,
        '0.0.0.0',
        '::1',
        '10.0.0.0/8',
      ),
    );
    const environments = fc.dictionary(fc.constantFrom(...ALL.map(([name]) => name)), anything);
    fc.assert(
      fc.property(environments, (environment) => {
        const refused = ALL.filter(([name, variable]) => {
          const given = environment[name]?.trim() ?? '';
          return given !== '' && variable.read(given) === undefined;
        });
        expect(faultyVariables(environment)).toEqual(expect.arrayContaining(refused.map(([name]) => name)));
      }),
      { numRuns: 200 },
    );
  });

  it('never repeats a secret', () => {
    const secrets = ALL.filter(([, { secret }]) => secret).map(([name]) => name);
    expect(secrets).toEqual([
      'DATABASE_URL',
      'DATABASE_DIRECT_URL',
      'ADMIN_API_KEY',
      'AUTH_OIDC_CLIENT_SECRET',
      'CREDENTIALS_KEYS',
      'WEBHOOK_SECRET',
    ]);
    for (const name of secrets) {
      const [fault] = faultsOf({ [name]: 's3cr3t with spaces' });
      expect(fault).toMatchObject({
        variable: name,
        problem: expect.stringContaining('what was given is not'),
      });
      expect(fault?.problem).not.toContain('s3cr3t');
    }
  });

  it('reports all faults at once, each with the variable, its value and the accepted values', () => {
    const environment = {
      PORT: '80x',
      LOG_LEVEL: 'loud',
      MIGRATE_ON_START: 'yes',
      HEALTH_FAILURES_DOWN: '0',
    };
    expect(() => readEnvironment(environment)).toThrow(
      new ConfigurationError(
        [
          { variable: 'PORT', problem: '"80x" is not a whole number from 0 to 65535' },
          { variable: 'MIGRATE_ON_START', problem: '"yes" is not true or false' },
          { variable: 'HEALTH_FAILURES_DOWN', problem: '"0" is not a whole number from 1 to 100' },
          { variable: 'LOG_LEVEL', problem: '"loud" is not one of debug, info, warn, error, silent' },
        ],
        'json',
      ),
    );
  });

  it('counts the faults and gives each a line, and ends with EX_CONFIG', () => {
    const error = new ConfigurationError([
      { variable: 'A', problem: 'x' },
      { variable: 'B', problem: 'y' },
    ]);
    expect(error.message).toBe('The configuration has 2 faults:\n  A: x\n  B: y');
    expect(ConfigurationError.exitCode).toBe(78);
  });

  it('shortens long values', () => {
    expect(faultsOf({ PORT: '9'.repeat(5_000) })[0]?.problem.length).toBeLessThan(200);
  });

  it('treats an empty variable as unset', () => {
    const empty = Object.fromEntries(ALL.map(([name]) => [name, ' ']));
    expect(readEnvironment(empty)).toEqual(readEnvironment({}));
  });

  it.each([
    ['PORT', ['65536', '-1', '1.5', '1e3', '0x10', '８００７']],
    ['DATABASE_URL', ['mysql://h/db', 'postgres://', 'host=db', 'postgres://h:99999999/db']],
    ['DATABASE_SCHEMA', ['Public', 'a-b', '1a', 'a"; DROP SCHEMA public', 'x'.repeat(64)]],
    ['HOST', ['a b', 'http://0.0.0.0', '127.0.0.1/8']],
    ['ADMIN_API_KEY', ['short', 'sixteen characters', 'schlüssel-schlüssel']],
    ['CREDENTIALS_KEYS', ['k1', `k1:${'A'.repeat(44)}`, `k1:${BASE64_KEY},k1:${BASE64_KEY}`]],
    ['UPSTREAM_DENY_CIDRS', ['10/8', '10.0.0.0/33', 'example.com', '10.0.0.0/8 192.168.0.0/16']],
    ['DEFAULT_MODEL', ['m'.repeat(201)]],
  ])('refuses a nonsensical %s', (name, given) => {
    for (const text of given) expect([text, faultyVariables({ [name]: text })]).toEqual([text, [name]]);
  });

  it('reads valid values', () => {
    const settings = readEnvironment({
      PORT: '9000',
      ADMIN_API_KEY: KEY,
      DATABASE_URL: URL,
      CREDENTIALS_KEYS: `k2:${BASE64_KEY}, k1:${BASE64_KEY}`,
      UPSTREAM_ALLOW_CIDRS: '127.0.0.1, 10.0.0.0/8,fd00::/8,',
      CORS_ORIGINS: 'https://app.example,chrome-extension://abc',
      METRICS_AUTH: 'off',
      WORKER_SECRET_OPENAI: 'sk-1',
      WORKER_SECRET_UNUSED: '',
      WORKER_SECRET_OPENAI_ORIGINS: 'https://api.openai.com, http://10.0.0.1:8080',
    });
    expect(settings.server).toMatchObject({ port: 9000, host: '0.0.0.0' });
    expect(settings.database).toMatchObject({ url: URL, directUrl: URL, migrateOnStart: true });
    expect(settings.access).toEqual({
      adminKeyHash: createHash('sha256').update(KEY).digest('base64'),
      protectedMode: false,
      metricsOpen: true,
      corsOrigins: ['https://app.example', 'chrome-extension://abc'],
      roleRules: [],
      proxy: null,
      tokens: null,
      oidc: null,
    });
    expect(settings.upstream.allowCidrs).toEqual(['127.0.0.1', '10.0.0.0/8', 'fd00::/8']);
    expect(settings.upstream.allowLoopback).toBe(false);
    expect(settings.credentials).toMatchObject({
      makeKey: false,
      workerSecrets: new Map([['OPENAI', 'sk-1']]),
      secretOrigins: new Map([['OPENAI', ['https://api.openai.com', 'http://10.0.0.1:8080']]]),
    });
  });

  it('ignores settings that no longer exist, and lists those that are set', () => {
    const { ignoredVariables, ...settings } = readEnvironment({
      HEALTH_TICK_MS: 'any text',
      REPLICA_BEAT_MS: '5',
      HEALTH_JITTER: ' ',
    });
    expect(ignoredVariables).toEqual(['HEALTH_TICK_MS', 'REPLICA_BEAT_MS']);
    expect(readEnvironment({})).toEqual({ ...settings, ignoredVariables: [] });
    expect(REMOVED_VARIABLES.filter((name) => name in VARIABLES)).toEqual([]);
  });

  it('keeps a probe shorter than its lease, whatever HEALTH_TIMEOUT_MS is', () => {
    expect(readEnvironment({}).health.leaseMs).toBe(15_000);
    expect(readEnvironment({ HEALTH_TIMEOUT_MS: '60000' }).health.leaseMs).toBe(120_000);
  });

  it('takes other constants from tests', () => {
    const { health } = readEnvironment({}, false, tuned({ health: { tickMs: 7 } }));
    expect(health).toMatchObject({ tickMs: 7, leaseMs: TUNING.health.leaseMs, intervalMs: 5_000 });
  });

  it('logs text on a terminal and JSON elsewhere by default', () => {
    expect(readEnvironment({}, true).log.format).toBe('pretty');
    expect(readEnvironment({}, false).log.format).toBe('json');
    expect(readEnvironment({ LOG_FORMAT: 'json' }, true).log.format).toBe('json');
    expect(readEnvironment({ LOG_FORMAT: 'pretty' }, false).log.format).toBe('pretty');
  });
});

describe('protected mode', () => {
  it('is the default: this machine only, no key, an embedded database', () => {
    const { access, credentials, database, server, upstream } = readEnvironment({});
    expect(server).toMatchObject({ host: '127.0.0.1', port: 8007 });
    expect(access).toMatchObject({ adminKeyHash: null, protectedMode: true });
    expect(database.url).toBeNull();
    expect(credentials.makeKey).toBe(true);
    expect(upstream.allowLoopback).toBe(true);
  });

  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('may listen on %s', (HOST) => {
    expect(readEnvironment({ HOST })).toMatchObject({
      server: { host: HOST },
      access: { protectedMode: true },
    });
  });

  it.each(['0.0.0.0', '::', '10.0.0.1', 'mmm.internal', '127.0.0.1.evil.example'])(
    'refuses to listen on %s, and names the alternatives',
    (HOST) => {
      const [host, database] = faultsOf({ HOST });
      expect(host).toMatchObject({
        variable: 'HOST',
        problem: expect.stringContaining(`"${HOST}" is reachable`),
      });
      expect(host?.problem).toMatch(/ADMIN_API_KEY.*AUTH=off/);
      expect(database?.variable).toBe('DATABASE_URL');
    },
  );

  it('ends with AUTH=off, which opens it to everyone', () => {
    expect(readEnvironment({ AUTH: 'off', DATABASE_URL: URL })).toMatchObject({
      server: { host: '0.0.0.0' },
      access: { protectedMode: false, adminKeyHash: null },
      upstream: { allowLoopback: true },
    });
  });

  it('stays with AUTH=local on any HOST, until there is a key', () => {
    const container = { AUTH: 'local', HOST: '0.0.0.0', DATABASE_URL: URL };
    expect(readEnvironment(container).access.protectedMode).toBe(true);
    expect(readEnvironment({ ...container, ADMIN_API_KEY: KEY }).access).toMatchObject({
      adminKeyHash: createHash('sha256').update(KEY).digest('base64'),
      protectedMode: false,
    });
  });
});

const SIGN_IN = { ADMIN_API_KEY: KEY, DATABASE_URL: URL, AUTH_ROLES: '*=viewer' };

describe('AUTH_ROLES', () => {
  it('gives every role there is', () => {
    const roleRules = ROLES.map((role) => `g-${role}=${role}`);
    expect(readEnvironment({ AUTH_ROLES: roleRules.join(', ') }).access).toMatchObject({ roleRules });
  });

  it.each(['a', 'a=owner', '=viewer', 'a*b=viewer', '**=viewer', 'user:=viewer'])(
    'refuses %s',
    (AUTH_ROLES) => {
      expect(faultyVariables({ AUTH_ROLES })).toEqual(['AUTH_ROLES']);
    },
  );
});

describe('contradicting values', () => {
  it.each<[string, Environment]>([
    ['a key', { ADMIN_API_KEY: KEY }],
    ['AUTH=off', { AUTH: 'off' }],
    ['AUTH=local', { AUTH: 'local', HOST: '::' }],
  ])('are an embedded database by default beyond loopback by %s', (_, environment) => {
    expect(faultyVariables(environment)).toEqual(['DATABASE_URL']);
    expect(faultyVariables({ ...environment, DATABASE: 'embedded' })).toEqual([]);
    expect(faultyVariables({ ...environment, HOST: '127.0.0.1' })).toEqual([]);
    expect(faultyVariables({ ...environment, DATABASE_URL: URL })).toEqual([]);
  });

  it.each<[string, Environment]>([
    ['DATABASE', { DATABASE: 'embedded', DATABASE_URL: URL }],
    ['DATABASE_DIRECT_URL', { DATABASE_DIRECT_URL: URL }],
    ['AUTH', { AUTH: 'off', ADMIN_API_KEY: KEY, DATABASE_URL: URL }],
    ['AUTH_PROXY_HEADER', { AUTH_PROXY_HEADER: 'x-user', AUTH_PROXY_CIDRS: '::1', AUTH_ROLES: '*=viewer' }],
    ['AUTH_PROXY_HEADER', { ...SIGN_IN, AUTH_PROXY_HEADER: 'x-user' }],
    [
      'AUTH_PROXY_HEADER',
      { ...SIGN_IN, AUTH_ROLES: '', AUTH_PROXY_HEADER: 'x-user', AUTH_PROXY_CIDRS: '::1' },
    ],
    ['AUTH_JWT_ISSUER', { ...SIGN_IN, AUTH_JWT_ISSUER: 'https://issuer.example' }],
    ['AUTH_OIDC_ISSUER', { ...SIGN_IN, AUTH_OIDC_ISSUER: 'https://a.example', AUTH_OIDC_CLIENT_ID: 'c' }],
    ['AUTH_OIDC_CLIENT_ID', { ...SIGN_IN, AUTH_OIDC_CLIENT_ID: 'c' }],
    ['AUTH_OIDC_REDIRECT_URL', { AUTH_OIDC_REDIRECT_URL: 'https://a.example/callback' }],
    ['AUTH_JWT_AUDIENCE', { ...SIGN_IN, AUTH_JWT_AUDIENCE: 'models' }],
    ['AUTH_JWT_ISSUER', { AUTH_JWT_ISSUER: 'http://issuer.example' }],
    ['AUTH_PROXY_CIDRS', { ...SIGN_IN, AUTH_PROXY_CIDRS: '::1' }],
    ['AUTH_PROXY_GROUPS_HEADER', { ...SIGN_IN, AUTH_PROXY_GROUPS_HEADER: 'x-groups' }],
  ])('names %s', (variable, environment) => {
    expect(faultyVariables(environment)).toEqual([variable]);
  });

  it('are not reported if a value could not be read: one mistake is one fault', () => {
    expect(faultyVariables({ HOST: '0.0.0.0', ADMIN_API_KEY: 'short', DATABASE_URL: URL })).toEqual([
      'ADMIN_API_KEY',
    ]);
    expect(faultyVariables({ ADMIN_API_KEY: KEY, DATABASE_URL: 'mysql://h' })).toEqual(['DATABASE_URL']);
  });
});

describe('readProcessEnvironment', () => {
  it('works without a .env file', () => {
    expect(inFolder('', {}).server.port).toBe(8007);
  });

  it('reads the .env file, which the environment overrides', () => {
    const file = 'PORT=9001\nDRAIN_TIMEOUT_MS=1 # a comment\nWORKER_SECRET_A="x y"\n';
    const { server, credentials } = inFolder(file, { PORT: '9002' });
    expect(server).toMatchObject({ port: 9002, drainTimeoutMs: 1 });
    expect(credentials.workerSecrets.get('A')).toBe('x y');
  });

  it('lets an empty variable hide the value of the file', () => {
    expect(inFolder('PORT=9001\n', { PORT: '' }).server.port).toBe(8007);
  });
});

/** Runs in a working folder of its own, with these variables set. */
function inFolder(file: string, environment: Environment): ReturnType<typeof readProcessEnvironment> {
  const folder = mkdtempSync(join(tmpdir(), 'mmm-env-'));
  const before = { folder: process.cwd(), environment: process.env };
  onTestFinished(() => {
    process.chdir(before.folder);
    process.env = before.environment;
    rmSync(folder, { recursive: true });
  });
  if (file !== '') writeFileSync(join(folder, '.env'), file);
  process.chdir(folder);
  process.env = environment;
  return readProcessEnvironment();
}
