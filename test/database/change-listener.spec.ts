import { expect, it, onTestFinished } from 'vitest';
import { ChangeListener } from '../../src/database/change-listener.js';
import { databaseForTest } from '../database.js';
import { serverOf, urlThrough } from '../database-behind-proxy.js';
import { TcpProxy } from '../fakes/tcp-proxy.js';
import { WithoutNotifications } from '../fakes/without-notifications.js';
import { until } from '../until.js';

async function listening(isPooled: boolean) {
  const database = await databaseForTest();
  const proxy = new TcpProxy(
    serverOf(database.address),
    ...(isPooled ? [() => new WithoutNotifications()] : []),
  );
  await proxy.open();
  const told: string[] = [];
  const heard: string[] = [];
  const listener = new ChangeListener({
    address: { url: urlThrough(proxy, database.address) },
    channels: ['something'],
    onNotify: (payload) => heard.push(payload),
    onListening: () => told.push('listening'),
    onLost: ({ message }) => told.push(message),
    notify: (channel, payload) => database.query('SELECT pg_notify($1, $2)', [channel, payload]),
    onDeaf: () => told.push('deaf'),
    answerMs: 500,
    proofMs: 200,
  });
  onTestFinished(async () => {
    await listener.stop();
    await proxy.cut();
  });
  listener.start();
  await until(() => told.length > 0);
  return { database, told, heard };
}

it('the change listener reports that it hears nothing behind a pooler that forwards no notifications', async () => {
  const { told } = await listening(true);
  await until(() => told.includes('deaf'));
  expect(told).toEqual(['listening', 'deaf']);
});

it('the change listener reports nothing while notifications arrive, and hides its own test notifications', async () => {
  const { database, told, heard } = await listening(false);
  await new Promise((resolve) => setTimeout(resolve, 1_000));
  await database.query(`NOTIFY something, 'x'`);
  await until(() => heard.length > 0);
  expect({ told, heard }).toEqual({ told: ['listening'], heard: ['x'] });
});
