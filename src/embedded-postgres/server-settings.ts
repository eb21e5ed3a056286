import { PORT } from './socket-directory.js';

export interface ServerSettings {
  readonly cluster: string;
  readonly socketDirectory: string;
  readonly maxConnections: number;
  readonly durable: boolean;
}

/** Faster, but a crash of the machine loses the database. For tests. */
const NOT_DURABLE = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off'];

export function serverArguments(settings: ServerSettings): readonly string[] {
  const parameters = [
    `port=${PORT}`,
    'listen_addresses=', // no TCP
    `max_connections=${settings.maxConnections}`,
    'unix_socket_permissions=0700',
    'timezone=UTC',
    'log_timezone=UTC',
    'lc_messages=C', // errors are recognised by their text
    // Small, with few processes: this server only holds the registry.
    'shared_buffers=32MB',
    'max_wal_size=256MB',
    'io_method=sync',
    'max_logical_replication_workers=0',
    'dynamic_shared_memory_type=mmap', // containers have 64 MB of /dev/shm, or none
    'huge_pages=off',
    // Clients report failed statements; this log would only repeat their values.
    'log_min_messages=log',
    'log_checkpoints=off',
    'log_line_prefix=',
    ...(settings.durable ? [] : NOT_DURABLE),
  ];
  return [
    '-D',
    settings.cluster,
    '-k',
    settings.socketDirectory,
    ...parameters.flatMap((set) => ['-c', set]),
  ];
}

/** Excludes the service's own environment, which holds keys. */
export function serverEnvironment(
  home: string,
  libraries: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const path = process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin';
  return { PATH: path, HOME: home, LC_ALL: 'C', TZ: 'UTC', ...libraries };
}
