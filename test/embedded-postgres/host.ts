import { startEmbeddedPostgres } from '../../src/embedded-postgres/embedded-postgres.js';
import { EmbeddedPostgresError } from '../../src/embedded-postgres/embedded-postgres-error.js';
import type { HostReport } from './host-process.js';

/** A service reduced to its database, in its own process: started by host-process.ts, built by built-copy.ts. */
const [dataDir = ''] = process.argv.slice(2);
const durable = process.env['DURABLE'] === 'yes';

process.on('SIGINT', () => undefined); // draining
process.on('disconnect', () => process.exit()); // the tests have ended

try {
  const postgres = await startEmbeddedPostgres({ dataDir, durable });
  process.on('message', () => {
    void postgres.stop().then(() => process.exit());
  });
  const { pid, connection, notices } = postgres;
  report({ started: true, pid, connection, notices });
} catch (error) {
  const code = error instanceof EmbeddedPostgresError ? error.code : 'NOT OURS';
  report({ started: false, code, message: String(error) });
  process.disconnect();
}

function report(what: HostReport): void {
  process.send?.(what);
}
