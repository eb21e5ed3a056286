import { expect, it, onTestFinished } from 'vitest';
import { ChangeListener } from '../../src/database/change-listener.js';
import { databaseForTest } from '../database.js';
import { serverOf, urlThrough } from '../database-behind-proxy.js';
import { TcpProxy } from '../fakes/tcp-proxy.js';
import { WithoutNotifications } from '../fakes/without-notifications.js';
import { until } from '../until.js';

/** A busy process needs this time, too. */
const ANSWER_MS = 2_000;

async function listening(isPooled: boolean) {
  const database = await databaseForTest();
  const proxy = new TcpProxy(
    serverOf(database.address),
    ...(isPooled ? [() => new WithoutNotifications()] : []),
  );
  await proxy.open();
  const reports: string[] = [];
  const payloads: string[] = [];
  let proofs = 0;
  const listener = new ChangeListener({
    address: { url: urlThrough(proxy, database.address) },
    channels: ['something'],
    onNotify: (payload) => payloads.push(payload),
    onListening: () => reports.push('listening'),
    onLost: ({ message }) => reports.push(message),
    notify: (channel, payload) => {
      proofs += 1;
      return database.query('SELECT pg_notify($1, $2)', [channel, payload]);
    },
    onDeaf: () => reports.push('deaf'),
    answerMs: ANSWER_MS,
    proofMs: 200,
  });
  onTestFinished(async () => {
    await listener.stop();
    await proxy.cut();
  });
  listener.start();
  await until(() => reports.length > 0);
  return { database, reports, payloads, proofs: () => proofs };
}

it('the change listener reports that it receives nothing behind a pooler that forwards no notifications', async () => {
  const { reports } = await listening(true);
  await until(() => reports.includes('deaf'));
  expect(reports).toEqual(['listening', 'deaf']);
});

it('the change listener reports nothing while notifications arrive, and hides its own test notifications', async () => {
  const { database, reports, payloads, proofs } = await listening(false);
  await until(() => proofs() === 1);
  await new Promise((resolve) => setTimeout(resolve, ANSWER_MS + 500));
  await database.query(`NOTIFY something, 'x'`);
  await until(() => payloads.length > 0);
  expect({ reports, payloads }).toEqual({ reports: ['listening'], payloads: ['x'] });
});
