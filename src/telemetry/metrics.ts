import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { RequestFacts } from './request-facts.js';

/** Seconds; OpenTelemetry's advice for gen_ai.server.request.duration, and two shorter for fast workers. */
const DURATION_BUCKETS = [
  0.001, 0.005, 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];

/**
 * Prometheus figures. Names follow OpenTelemetry's `gen_ai.*` where one exists; labels are bounded: registered models
 * and the closed vocabulary of `error_type`.
 */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  private readonly requests = new Counter({
    name: 'mmm_requests_total',
    help: 'Requests by model and outcome; outcome is ok or the error type.',
    labelNames: ['gen_ai_request_model', 'outcome'] as const,
    registers: [this.registry],
  });
  private readonly durations = new Histogram({
    name: 'gen_ai_server_request_duration_seconds',
    help: 'Time from the first byte of a request to the last byte of its answer.',
    labelNames: ['gen_ai_request_model', 'error_type'] as const,
    buckets: DURATION_BUCKETS,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  observe({ model, errorType }: RequestFacts, seconds: number): void {
    const name = model ?? '';
    this.requests.inc({ gen_ai_request_model: name, outcome: errorType ?? 'ok' });
    this.durations.observe({ gen_ai_request_model: name, error_type: errorType ?? '' }, seconds);
  }

  /** A figure read when somebody looks. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }
}
