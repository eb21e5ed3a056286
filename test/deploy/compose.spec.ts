import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { readEnvironment } from '../../src/config/environment.js';
import { environmentOf, milliseconds, readCompose } from './compose.js';
import { IMAGE_ENVIRONMENT, READYZ, SECRETS, STOP_MARGIN_MS, strangers } from './facts.js';

describe('docker-compose.yml', () => {
  const settingsWith = (environment: Readonly<Record<string, string>>) => {
    const service = readCompose('docker-compose.yml', environment).at('services', 'manager');
    return readEnvironment({ ...IMAGE_ENVIRONMENT, ...environmentOf(service, environment) });
  };
  const file = readCompose('docker-compose.yml');
  const manager = file.at('services', 'manager');
  const database = file.at('services', 'database');

  it('serves without a key, but only on the loopback address of the host', () => {
    const { access, server } = settingsWith({});
    expect(manager.at('ports').value).toEqual([`127.0.0.1:${server.port}:${server.port}`]);
    expect(server.host).toBe('0.0.0.0');
    expect(access).toMatchObject({ adminKeyHash: null, protectedMode: true });
  });

  it('requires a key as soon as one is set, without other variables', () => {
    const { access } = settingsWith({ ADMIN_API_KEY: SECRETS.ADMIN_API_KEY });
    expect(access).toMatchObject({
      adminKeyHash: createHash('sha256').update(SECRETS.ADMIN_API_KEY).digest('base64'),
      protectedMode: false,
    });
  });

  it('passes the variables that are set, and sets only variables that the service knows', () => {
    expect(settingsWith({ CREDENTIALS_KEYS: SECRETS.CREDENTIALS_KEYS, LOG_LEVEL: 'warn' })).toMatchObject({
      credentials: { keys: SECRETS.CREDENTIALS_KEYS },
      log: { level: 'warn' },
    });
    expect(
      strangers(
        manager
          .at('environment')
          .entries()
          .map(([name]) => name),
      ),
    ).toEqual([]);
  });

  it('keeps the database private: no published port, an internal network, and a volume', () => {
    expect(database.at('ports').value).toBeUndefined();
    expect(database.at('networks').value).toEqual(['registry']);
    expect(file.at('networks', 'registry', 'internal').value).toBe(true);
    expect(manager.at('networks').value).toContain('registry');
    const [volume = ''] = database.at('volumes', 0).text.split(':');
    expect(
      file
        .at('volumes')
        .entries()
        .map(([name]) => name),
    ).toEqual([volume]);
  });

  it('connects to the database it starts, by its name, user, password and port', () => {
    const { database: settings } = settingsWith({ POSTGRES_PASSWORD: 'p4ss' });
    const started = readCompose('docker-compose.yml', { POSTGRES_PASSWORD: 'p4ss' });
    const variable = (name: string) => started.at('services', 'database', 'environment', name).text;
    expect(settings.url).toBe(
      `postgres://${variable('POSTGRES_USER')}:${variable('POSTGRES_PASSWORD')}@database:5432/${variable('POSTGRES_DB')}`,
    );
    expect(Number(/^postgres:(\d+)/.exec(database.at('image').text)?.[1])).toBeGreaterThanOrEqual(16);
  });

  it('checks the health of both, and starts the service when the database is healthy', () => {
    expect(manager.at('depends_on', 'database', 'condition').value).toBe('service_healthy');
    expect(database.at('healthcheck', 'test', 1).value).toBe('pg_isready');
    expect(manager.at('healthcheck', 'test').items().at(-1)?.text).toContain(`8007${READYZ}`);
  });

  it('gives running requests time to finish before it kills the service', () => {
    const { server } = settingsWith({});
    expect(milliseconds(manager.at('stop_grace_period').text)).toBeGreaterThanOrEqual(
      server.shutdownDelayMs + server.drainTimeoutMs + STOP_MARGIN_MS,
    );
  });
});
