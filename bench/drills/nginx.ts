import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { listening } from '../listening.js';

/** Of a proxy, as docs/deploy.md requires; left out, nginx buffers answers that do not forbid it. */
const UNBUFFERED = 'proxy_buffering off; proxy_request_buffering off; proxy_read_timeout 610s;';

/** A real nginx in front of replicas. */
export class Nginx {
  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly port: number,
    private readonly settings: string,
  ) {}

  /** @param program the path of nginx, or its name @param settings of its location */
  static async start(
    program: string,
    folder: string,
    urls: readonly string[],
    settings = UNBUFFERED,
  ): Promise<Nginx> {
    mkdirSync(join(folder, 'nginx'));
    const port = await freePort();
    writeFileSync(confOf(folder), configuration(folder, port, urls, settings));
    const process = spawn(program, ['-c', confOf(folder), '-e', join(folder, 'nginx/error.log')], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    await once(process, 'spawn');
    const nginx = new Nginx(process, folder, port, settings);
    for (let tries = 0; tries < 600; tries++) {
      if ((await fetch(`${nginx.url}/livez`).catch(() => null))?.ok === true) return nginx;
      await sleep(50);
    }
    throw new Error(`${program} does not answer; see ${folder}/nginx/error.log`);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** From now on requests go to these, as after a change of a Service's endpoints. Running ones are not touched. */
  route(urls: readonly string[]): void {
    writeFileSync(confOf(this.folder), configuration(this.folder, this.port, urls, this.settings));
    this.process.kill('SIGHUP');
  }

  async stop(): Promise<void> {
    const exited = once(this.process, 'exit');
    this.process.kill('SIGTERM');
    await exited;
  }
}

const confOf = (folder: string): string => join(folder, 'nginx/nginx.conf');

function configuration(folder: string, port: number, urls: readonly string[], settings: string): string {
  const at = (name: string): string => join(folder, 'nginx', name);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${at(name)};`,
  );
  return `
daemon off;
worker_processes 1;
pid ${at('pid')};
error_log ${at('error.log')};
events { worker_connections 4096; }
http {
  access_log ${at('access.log')};
  ${temporary.join('\n  ')}
  upstream replicas {
    ${urls.map((url) => `server ${new URL(url).host};`).join('\n    ')}
    keepalive 32;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 32m;
    location / {
      proxy_pass http://replicas;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Host $http_host;
      ${settings}
    }
  }
}
`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const port = await listening(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}
