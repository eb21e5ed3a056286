import type { INestApplicationContext } from '@nestjs/common';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { AdmissionCheck } from '../access/admission-check.js';
import { Readiness } from '../health/readiness.js';
import { ListenError } from './listen-error.js';
import { Metrics } from '../telemetry/metrics.js';
import { scrape } from '../telemetry/scrape.js';

/**
 * `/metrics`, `/livez` and `/readyz` on a port of their own, without a key. A scraper needs no key that could change the
 * registry, and the port of clients need not serve figures. It serves until the process ends, while it drains, too.
 */
export class MetricsServer {
  private constructor(private readonly server: Server) {}

  /** @throws ListenError */
  static async listen(app: INestApplicationContext, host: string, port: number): Promise<MetricsServer> {
    const routes = new MetricsRoutes(app.get(Metrics), app.get(Readiness), app.get(AdmissionCheck));
    const server = createServer((request, response) => void routes.answer(request, response));
    try {
      server.listen(port, host);
      await once(server, 'listening');
      // The port of clients keeps the process running.
      server.unref();
    } catch (error) {
      throw new ListenError(host, port, error, 'METRICS_PORT');
    }
    return new MetricsServer(server);
  }

  get port(): number {
    const address = this.server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  close(): void {
    this.server.close();
    this.server.closeAllConnections();
  }
}

class MetricsRoutes {
  constructor(
    private readonly metrics: Metrics,
    private readonly readiness: Readiness,
    private readonly check: AdmissionCheck,
  ) {}

  /** Never throws. */
  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('x-content-type-options', 'nosniff');
    const [path = ''] = (request.url ?? '').split('?', 1);
    try {
      this.check.checkHost(request.headers);
    } catch (error) {
      return send(response, 403, { error: String(error) });
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      return send(response, 405, { error: 'this port answers GET and HEAD only' });
    }
    switch (path) {
      case '/metrics':
        return this.scraped(request, response);
      case '/livez':
        return send(response, 200, { status: 'ok' });
      case '/readyz': {
        const page = this.readiness.page();
        return send(response, page.status === 'ready' ? 200 : 503, page);
      }
      default:
        return send(response, 404, { error: 'this port serves /metrics, /livez and /readyz only' });
    }
  }

  private async scraped(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { headers, body } = scrape(this.metrics, request.headers['accept-encoding']);
    response.writeHead(200, { ...headers });
    // A scraper that disconnects is no fault.
    await pipeline(body, response).catch(() => response.destroy());
  }
}

function send(response: ServerResponse, status: number, body: unknown): void {
  const headers = { 'content-type': 'application/json; charset=utf-8' };
  response.writeHead(status, headers).end(JSON.stringify(body));
}
