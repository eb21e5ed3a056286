import { expect, it } from 'vitest';
import { databaseForTest } from '../database.js';
import { databaseSettings, type ServiceProcess, startProcess } from '../process.js';
import { until } from '../until.js';

/** What Node.js and libraries print when they are loaded, and an error that nothing catches, at a signal. */
const TALKATIVE = `data:text/javascript,${encodeURIComponent(`
  process.on('SIGUSR2', () => {
    process.emitWarning('a warning of a library', 'SecurityWarning');
    process.emitWarning('an old option', 'DeprecationWarning', 'DEP9');
    console.error('printed %s', 'by a library', { of: 1 });
    setTimeout(() => { throw new Error('nothing catches this') }, 50);
  });`)}`;

/** Every line on both outputs. */
const linesOf = ({ stdout, stderr }: ServiceProcess): readonly string[] =>
  [...stdout.split('\n'), ...stderr.split('\n')].filter((line) => line !== '');

const metricsUrl = ({ log }: ServiceProcess): string => {
  const line = log.map(({ msg }) => String(msg)).find((msg) => msg.startsWith('metrics without a key on '));
  return `http://127.0.0.1:${/(\d+)$/.exec(line ?? '')?.[1]}`;
};

it('prints JSON lines with the id of its replica only, from its first line to an uncaught error', async () => {
  const database = await databaseForTest();
  const settings = { ...databaseSettings(database.address), METRICS_PORT: '0' };
  const options = { asShipped: true, nodeOptions: ['--import', TALKATIVE] };
  const service = await startProcess(settings, options).ready();
  const traceparent = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
  await fetch(`${service.url}/api/v1/workers`, { headers: { traceparent } });
  await until(() => service.log.some(({ path }) => path === '/api/v1/workers'));
  expect((await fetch(`${metricsUrl(service)}/metrics`)).status).toBe(200);
  const [row] = await database.query<{ id: string }>('SELECT id FROM replica');

  service.signal('SIGUSR2');
  expect(await service.exited).toEqual({ code: 1, signal: null });

  const lines = linesOf(service).map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(new Set(lines.map(({ replica }) => replica))).toEqual(new Set([row?.id]));
  expect(lines.find(({ path }) => path === '/api/v1/workers')).toMatchObject({
    msg: 'request',
    trace_id: '0af7651916cd43dd8448eb211c80319c',
  });
  for (const line of [
    { level: 'warn', msg: 'SecurityWarning: a warning of a library' },
    { level: 'warn', msg: 'DeprecationWarning: an old option' },
    { level: 'error', msg: 'printed by a library { of: 1 }' },
    { level: 'fatal', msg: 'the process ends: nothing catches this' },
  ])
    expect(lines).toContainEqual(expect.objectContaining(line));
});
