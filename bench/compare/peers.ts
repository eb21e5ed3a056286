import { existsSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where `--install` puts peers: nothing of the project depends on it. */
export const PEERS = 'node_modules/.cache/bench-peers';

export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** What each request must have. */
  readonly headers?: Readonly<Record<string, string>>;
  /** How the same chat reaches a worker with Anthropic's API; left out: it translates nothing. */
  readonly translated?: { readonly model: string; readonly headers: Readonly<Record<string, string>> };
}

/** Another gateway in front of the same workers. */
export interface Peer {
  readonly name: string;
  /** What it is made of, and what it does here besides passing on. */
  readonly about: string;
  /** What `--install` runs, one after another; empty: it comes with the system. */
  readonly install: readonly (readonly string[])[];
  /** The program, as `install` leaves it. */
  readonly program: string;
  start(place: Place): Command;
}

/** Where a peer runs. */
export interface Place {
  /** Ports of upstreams with OpenAI's and Anthropic's API. */
  readonly workers: readonly number[];
  readonly port: number;
  /** For its metrics, where it has a port of their own. */
  readonly metricsPort: number;
  /** For its files. */
  readonly folder: string;
}

/** It starts with a key only. */
const LITELLM_KEY = 'sk-a-key-for-the-benchmark-of-this-machine';

const inPeers = (...path: string[]): string => join(PEERS, ...path);
const urlOf = (port: number): string => `http://127.0.0.1:${port}`;

/** Both routers in Rust read them. */
function routerArgs(port: number, metricsPort: number): readonly string[] {
  const ports = [`--port=${port}`, `--prometheus-port=${metricsPort}`];
  return ['--host=127.0.0.1', ...ports, '--policy=round_robin'];
}

/** A program from PyPI in an environment of its own. */
function fromPyPi(name: string, version: string, extra = ''): readonly (readonly string[])[] {
  const home = inPeers(name);
  return [
    ['python3', '-m', 'venv', home],
    [join(home, 'bin/pip'), 'install', '--quiet', `${name}${extra}==${version}`],
  ];
}

/** It learns of workers from each request. */
function portkeyHeaders(provider: string, workers: readonly number[]): Readonly<Record<string, string>> {
  const targets = workers.map((each) => ({ provider, api_key: 'none', custom_host: `${urlOf(each)}/v1` }));
  return { 'x-portkey-config': JSON.stringify({ strategy: { mode: 'loadbalance' }, targets }) };
}

/** With versions, so that a run can be repeated. */
export const ALL_PEERS: readonly Peer[] = [
  {
    name: 'nginx',
    about: 'C, one process; least_conn, kept-alive connections, an access log',
    install: [],
    program: 'nginx',
    start(place) {
      const { folder } = place;
      writeFileSync(join(folder, 'nginx.conf'), nginxConf(place));
      return { command: 'nginx', args: ['-c', join(folder, 'nginx.conf'), '-p', folder] };
    },
  },
  {
    name: 'vllm-router',
    about: 'Rust; round robin, health checks',
    install: fromPyPi('vllm-router', '0.1.17'),
    program: inPeers('vllm-router/bin/vllm-router'),
    start: ({ workers, port, metricsPort }) => ({
      command: inPeers('vllm-router/bin/vllm-router'),
      args: [...routerArgs(port, metricsPort), '--worker-urls', ...workers.map(urlOf)],
    }),
  },
  {
    name: 'smg',
    about: 'Rust; round robin, health checks, retries',
    install: fromPyPi('smg', '1.13.0'),
    program: inPeers('smg/bin/smg'),
    start: ({ workers, port, metricsPort }) => ({
      command: inPeers('smg/bin/smg'),
      args: ['launch', ...routerArgs(port, metricsPort), '--worker-urls', ...workers.map(urlOf)],
    }),
  },
  {
    name: 'portkey',
    about: 'Node.js; load balancing by a header of the request',
    install: [
      [
        'npm',
        'install',
        '--no-save',
        '--ignore-scripts',
        `--prefix=${inPeers('portkey')}`,
        '@portkey-ai/gateway@1.15.2',
      ],
    ],
    program: inPeers('portkey/node_modules/@portkey-ai/gateway/build/start-server.js'),
    start: ({ workers, port }) => ({
      command: process.execPath,
      args: [
        inPeers('portkey/node_modules/@portkey-ai/gateway/build/start-server.js'),
        `--port=${port}`,
        '--headless',
      ],
      environment: { NODE_ENV: 'production', TRUSTED_CUSTOM_HOSTS: '127.0.0.1' },
      headers: portkeyHeaders('openai', workers),
      translated: { model: 'bench', headers: portkeyHeaders('anthropic', workers) },
    }),
  },
  {
    name: 'litellm',
    about: 'Python; simple shuffle, one process, no database',
    install: fromPyPi('litellm', '1.108.7', '[proxy]'),
    program: inPeers('litellm/bin/litellm'),
    start({ workers, port, folder }) {
      const config = {
        model_list: workers.flatMap((each) => [
          {
            model_name: 'bench',
            litellm_params: { model: 'openai/bench', api_base: `${urlOf(each)}/v1`, api_key: 'none' },
          },
          {
            model_name: 'bench-translated',
            litellm_params: { model: 'anthropic/bench', api_base: urlOf(each), api_key: 'none' },
          },
        ]),
      };
      const headers = { authorization: `Bearer ${LITELLM_KEY}` };
      // JSON is YAML, too.
      writeFileSync(join(folder, 'litellm.yaml'), JSON.stringify(config));
      return {
        command: inPeers('litellm/bin/litellm'),
        args: [
          `--config=${join(folder, 'litellm.yaml')}`,
          '--host=127.0.0.1',
          `--port=${port}`,
          '--num_workers=1',
        ],
        environment: { LITELLM_MASTER_KEY: LITELLM_KEY },
        headers,
        translated: { model: 'bench-translated', headers },
      };
    },
  },
];

/** Whether its program is there. */
export function isInstalled({ program }: Peer): boolean {
  if (program.includes('/')) return existsSync(program);
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'];
  return folders.some((folder) => existsSync(join(folder, program)));
}

function nginxConf({ workers, port, folder }: Place): string {
  return `daemon off;
worker_processes 1;
pid ${folder}/nginx.pid;
error_log ${folder}/error.log;
events { worker_connections 8192; }
http {
  access_log ${folder}/access.log combined buffer=64k flush=100ms;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  client_max_body_size 32m;
  client_body_buffer_size 2m;
  keepalive_requests 1000000;
  upstream workers {
    least_conn;
${workers.map((each) => `    server 127.0.0.1:${each};`).join('\n')}
    keepalive 256;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    location / {
      proxy_pass http://workers;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
    }
  }
}
`;
}
