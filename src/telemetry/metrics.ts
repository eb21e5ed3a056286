import { Injectable } from '@nestjs/common';
import { Interval } from '@nestjs/schedule';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { exposition, type Family } from './exposition.js';
import { Counter, Gauge, Histogram, type Readings } from './families.js';
import type { RequestFacts } from './request-facts.js';
import { RequestMetrics } from './request-metrics.js';

/** Gauges of prom-client with the names of counters; `nodejs_active_resources` and its like say the same by type. */
const MISNAMED = [
  'nodejs_active_handles_total',
  'nodejs_active_requests_total',
  'nodejs_active_resources_total',
];

let ofProcess: Registry | null = null;

/** One for every service of this process: prom-client observes the event loop and collections for ever. */
function figuresOfProcess(): Registry {
  if (ofProcess !== null) return ofProcess;
  ofProcess = new Registry();
  collectDefaultMetrics({ register: ofProcess });
  for (const name of MISNAMED) ofProcess.removeSingleMetric(name);
  return ofProcess;
}

const DROP_MS = 60_000;

/**
 * Prometheus metrics. Names follow OpenTelemetry's `gen_ai.*` where one exists. Labels are bounded: models of the registry
 * and of policies, and fixed words.
 */
@Injectable()
export class Metrics {
  private readonly ours: Family[] = [];
  private readonly ofProcess = figuresOfProcess();
  private readonly requests = new RequestMetrics();
  private readonly gone = new GoneModels();
  private isKnown: (model: string) => boolean = () => true;

  constructor() {
    this.ours.push(...this.requests.families);
  }

  /** Those of the service; `process_*` and `nodejs_*` come on top. */
  get families(): readonly Family[] {
    return this.ours;
  }

  observe(facts: RequestFacts, seconds: number): void {
    this.requests.observe(facts, seconds);
  }

  add(family: Family): void {
    this.ours.push(family);
  }

  gauge(name: string, help: string, read: () => number): void {
    this.gaugeOf(name, help, [], () => [[{}, read()]]);
  }

  gaugeOf<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: () => Readings<Label> | Promise<Readings<Label>>,
  ): void {
    this.ours.push(new Gauge({ name, help, labelNames }, read));
  }

  counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    const counter = new Counter({ name, help, labelNames });
    this.ours.push(counter);
    return counter;
  }

  /** @param bounds of the buckets, ascending */
  histogram<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    bounds: readonly number[],
  ): Histogram<Label> {
    const histogram = new Histogram({ name, help, labelNames }, bounds);
    this.ours.push(histogram);
    return histogram;
  }

  /** In slices: a scrape of thousands of models must not hold up requests. */
  async *text(): AsyncGenerator<string, void> {
    yield* exposition(this.ours);
    yield await this.ofProcess.metrics();
  }

  /** @param isKnown whether a model has workers or a policy */
  followModels(isKnown: (model: string) => boolean): void {
    this.isKnown = isKnown;
  }

  @Interval(DROP_MS)
  dropGoneModels(nowMs = performance.now()): void {
    this.gone.look(this.isKnown, nowMs, (isGone) => {
      this.requests.drop(isGone);
      for (const family of this.ours) family.drop?.(isGone);
    });
  }
}

/** A model that is back within this time goes on with its series. */
const KEPT_MS = 3600000;

/** Remembers since when models are gone, so that their series can be dropped. */
class GoneModels {
  private readonly sinceMs = new Map<string, number>();

  /** @param drop forgets what belongs to models for which its argument is true; it must be called with all models that have series */
  look(
    isKnown: (model: string) => boolean,
    nowMs: number,
    drop: (isGone: (model: string) => boolean) => void,
  ): void {
    drop((model) => {
      // The series of requests without a model stay.
      if (model === '' || isKnown(model)) {
        this.sinceMs.delete(model);
        return false;
      }
      const sinceMs = this.sinceMs.get(model);
      if (sinceMs === undefined) this.sinceMs.set(model, nowMs);
      return sinceMs !== undefined && nowMs - sinceMs >= KEPT_MS;
    });
    for (const [model, sinceMs] of this.sinceMs) if (nowMs - sinceMs >= KEPT_MS) this.sinceMs.delete(model);
  }
}
