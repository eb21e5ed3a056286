import { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { PostgresServers } from '../config/postgres-url.js';

/** For each host of a list: a dead one must leave time for the next within the 5 s of a connection. */
const LONGEST_TRY_MS = 2_000;

export interface DatabaseClientConfig extends pg.ClientConfig {
  /** The servers to choose from; without them, `connectionString` or `host` is the only one. */
  readonly servers?: PostgresServers;
}

/** The server that was chosen last, by the first URL of its list: it is tried first. */
const lastChosen = new Map<string, string>();

/**
 * A connection of the service to whichever of its servers accepts it. Handles every error: TypeORM adds its handler only a
 * moment after the pool has connected, and a server that stops in between would end the process.
 */
export class DatabaseClient extends pg.Client {
  private readonly servers: PostgresServers | undefined;

  constructor(private readonly config: DatabaseClientConfig = {}) {
    super(config);
    this.servers = config.servers;
    this.on('error', () => {});
    this.connection.on('errorMessage', ({ code }: { readonly code?: string }) => {
      // The server has become a standby: the next connection may find another that accepts writes.
      if (code === READ_ONLY) setImmediate(() => this.connection.stream.destroy());
    });
  }

  override connect(): Promise<pg.Client>;
  override connect(callback: ((error: Error) => void) | ((error: null, client: pg.Client) => void)): void;
  override connect(callback?: (error: never, client: pg.Client) => void): Promise<pg.Client> | void {
    const connected = this.connectToOne();
    if (callback === undefined) return connected;
    const call = callback as (error: Error | null, client: pg.Client) => void;
    connected.then(
      () => process.nextTick(call, null, this),
      (error: unknown) => process.nextTick(call, error),
    );
  }

  /** Whether the server still answers, and is still the one that is wanted. @throws otherwise */
  async prove(): Promise<void> {
    await expectWanted(this, this.servers?.target ?? 'any');
  }

  private async connectToOne(): Promise<pg.Client> {
    const { stream } = this.connection;
    try {
      if (this.servers !== undefined && isChoice(this.servers)) {
        const chosen = new pg.Client({ connectionString: await choose(this.servers, this.config) });
        this.host = chosen.host;
        this.port = chosen.port;
        // The pool gave up in the meantime.
        if (stream.destroyed) throw new Error('connection timeout');
      }
      return await super.connect();
    } catch (error) {
      // It may never have been connected, and would report its own timeout to no listener.
      stream.destroy();
      throw explained(error);
    }
  }
}

const isChoice = ({ urls, target }: PostgresServers): boolean => urls.length > 1 || target !== 'any';

/** The first server that can be reached and is wanted. @throws AggregateError with the reason of each */
async function choose({ urls, target }: PostgresServers, config: DatabaseClientConfig): Promise<string> {
  const last = lastChosen.get(urls[0]);
  const inOrder = last === undefined ? urls : [last, ...urls.filter((url) => url !== last)];
  const faults: Error[] = [];
  for (const url of inOrder) {
    const fault = await tryOut(url, target, config);
    if (fault === null) {
      lastChosen.set(urls[0], url);
      return url;
    }
    faults.push(fault);
  }
  const reasons = faults.map(({ message }) => message).join('; ');
  const message = `no server of the list can be used (target_session_attrs=${target}): ${reasons}`;
  throw Object.assign(new AggregateError(faults, message), { code: UNABLE_TO_CONNECT });
}

/** sqlclient_unable_to_establish_sqlconnection */
const UNABLE_TO_CONNECT = '08001';

async function tryOut(
  url: string,
  target: PostgresServers['target'],
  { application_name }: DatabaseClientConfig,
): Promise<Error | null> {
  const socket = new Socket();
  const client = new pg.Client({
    connectionString: url,
    application_name,
    connectionTimeoutMillis: LONGEST_TRY_MS,
    query_timeout: LONGEST_TRY_MS,
    stream: () => socket,
  });
  client.on('error', () => {});
  try {
    await client.connect();
    await expectWanted(client, target);
    return null;
  } catch (error) {
    // The error of a refused connection to a name of several addresses has no message of its own.
    const reasons: unknown[] = error instanceof AggregateError ? error.errors : [error];
    const message = reasons
      .map((reason) => (reason instanceof Error ? reason.message : String(reason)))
      .join(', ');
    return Object.assign(
      new Error(`${client.host}:${client.port}: ${message}`, { cause: error }),
      codeOf(error),
    );
  } finally {
    await hangUp(client, socket);
  }
}

function codeOf(error: unknown): { readonly code?: string } {
  return error instanceof Error && 'code' in error ? { code: String(error.code) } : {};
}

/** read_only_sql_transaction */
const READ_ONLY = '25006';

async function expectWanted(client: pg.Client, target: PostgresServers['target']): Promise<void> {
  const { rows } = await client.query<{ standby: boolean; read_only: boolean }>(
    `SELECT pg_is_in_recovery() AS standby, current_setting('transaction_read_only') = 'on' AS read_only`,
  );
  const refuses = target === 'primary' ? rows[0]?.standby : target === 'read-write' && rows[0]?.read_only;
  if (refuses === true)
    throw Object.assign(new Error(rows[0]?.standby === true ? 'is a standby' : 'accepts no writes'), {
      code: READ_ONLY,
    });
}

/** Codes of OpenSSL for a certificate whose CA is not known here. */
const UNKNOWN_CA =
  /^(UNABLE_TO_VERIFY_LEAF_SIGNATURE|UNABLE_TO_GET_ISSUER_CERT(_LOCALLY)?|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED_CERT)$/;

function explained(error: unknown): unknown {
  const all = error instanceof AggregateError ? error.errors : [error];
  if (
    error instanceof Error &&
    all.some((one) => one instanceof Error && 'code' in one && UNKNOWN_CA.test(String(one.code)))
  )
    error.message +=
      "; the CA of the server's certificate is not known here: add sslrootcert=/path/to/ca.pem to the URL, or set NODE_EXTRA_CA_CERTS";
  return error;
}

/** Runs a statement somewhere; returns its rows. */
export type Query = <Row>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;

export const queryOf =
  (client: pg.Client): Query =>
  async <Row>(sql: string, values: readonly unknown[] = []) =>
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the caller names the columns
    (await client.query(sql, [...values])).rows as Row[];

const LONGEST_FAREWELL_MS = 500;

/** Ends a connection without waiting for a silent peer, and leaves no socket open. */
export async function hangUp(client: pg.Client, socket: Socket): Promise<void> {
  // A socket that is destroyed says no more that the connection has ended.
  if (!socket.destroyed)
    await Promise.race([client.end().catch(() => {}), sleep(LONGEST_FAREWELL_MS, undefined, { ref: false })]);
  socket.destroy();
}
