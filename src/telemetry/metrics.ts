import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import { RequestMetrics } from './request-metrics.js';
import type { RequestFacts } from './request-facts.js';

/**
 * Prometheus metrics. Names follow OpenTelemetry's `gen_ai.*` where one exists; labels are bounded: registered models
 * and the closed vocabulary of `error_type`.
 */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  private readonly figures = new RequestMetrics();

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.figures.registerWith(this.registry);
  }

  observe(facts: RequestFacts, seconds: number): void {
    this.figures.observe(facts, seconds);
  }

  /** A gauge that is read at each scrape. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({
      name,
      help,
      registers: [this.registry],
      collect: () => gauge.set(read()),
    });
  }

  /** A gauge for each model, read at each scrape. */
  gaugeOfModels(
    name: string,
    help: string,
    read: () => Iterable<readonly [model: string, value: number]>,
  ): void {
    const gauge: Gauge<'model'> = new Gauge({
      name,
      help,
      labelNames: ['model'],
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const [model, value] of read()) gauge.set({ model }, value);
      },
    });
  }
}
