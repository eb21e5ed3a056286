import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client';
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

  /** A gauge with labels, read at each scrape. */
  gaugeOf<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => Iterable<readonly [labels: Readonly<Record<Label, string>>, value: number]>,
  ): void {
    const gauge: Gauge<Label> = new Gauge({
      name,
      help,
      labelNames: [...labelNames],
      registers: [this.registry],
      collect: () => {
        gauge.reset();
        for (const [labels, value] of read()) gauge.set(labels, value);
      },
    });
  }

  /** A gauge for each model, read at each scrape. */
  gaugeOfModels(
    name: string,
    help: string,
    read: () => Iterable<readonly [model: string, value: number]>,
  ): void {
    this.gaugeOf(name, help, ['model'], () => [...read()].map(([model, value]) => [{ model }, value]));
  }

  /** @returns a function that adds one */
  counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
  ): (labels: Readonly<Record<Label, string>>) => void {
    const counter = new Counter({ name, help, labelNames: [...labelNames], registers: [this.registry] });
    return (labels) => counter.inc(labels);
  }
}
