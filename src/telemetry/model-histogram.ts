/** One sample of Prometheus' text format. */
export interface Sample {
  readonly metricName?: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

interface HistogramAbout {
  readonly name: string;
  readonly help: string;
  /** Upper bounds, ascending. */
  readonly buckets: readonly number[];
  /** The label besides the model; `null`: none. */
  readonly label: string | null;
}

/** The observations of one model and label value. */
interface Tally<Kind> {
  readonly model: string;
  readonly kind: Kind;
  count: number;
  sum: number;
  /** Observations within each bucket, not cumulative. */
  readonly inBucket: number[];
}

/**
 * A histogram by model and one more label. Counted here and converted to Prometheus' format at each scrape: prom-client's
 * own histogram makes strings of the labels and a bucket for every observation.
 */
export class ModelHistogram<Kind extends string | null> {
  private readonly byKind = new Map<Kind, Map<string, Tally<Kind>>>();

  constructor(readonly about: HistogramAbout) {}

  observe(model: string, kind: Kind, value: number): void {
    let ofModels = this.byKind.get(kind);
    if (ofModels === undefined) this.byKind.set(kind, (ofModels = new Map()));
    let tally = ofModels.get(model);
    if (tally === undefined) {
      tally = { model, kind, count: 0, sum: 0, inBucket: this.about.buckets.map(() => 0) };
      ofModels.set(model, tally);
    }
    tally.count += 1;
    tally.sum += value;
    for (let at = 0; at < tally.inBucket.length; at++) {
      if (value > (this.about.buckets[at] ?? Infinity)) continue;
      tally.inBucket[at] = (tally.inBucket[at] ?? 0) + 1;
      return;
    }
  }

  tallies(): readonly Readonly<Pick<Tally<Kind>, 'model' | 'kind' | 'count'>>[] {
    return this.all();
  }

  samples(): readonly Sample[] {
    return this.all().flatMap((tally) => this.samplesOf(tally));
  }

  private all(): readonly Tally<Kind>[] {
    return [...this.byKind.values()].flatMap((ofModels) => [...ofModels.values()]);
  }

  /** The cumulative buckets of Prometheus. */
  private samplesOf({ model, kind, count, sum, inBucket }: Tally<Kind>): readonly Sample[] {
    const { name, buckets, label } = this.about;
    const labels = { gen_ai_request_model: model, ...(label === null ? {} : { [label]: kind ?? '' }) };
    let upTo = 0;
    return [
      ...buckets.map((le, at) => {
        upTo += inBucket[at] ?? 0;
        return { metricName: `${name}_bucket`, labels: { le, ...labels }, value: upTo };
      }),
      { metricName: `${name}_bucket`, labels: { le: '+Inf', ...labels }, value: count },
      { metricName: `${name}_sum`, labels, value: sum },
      { metricName: `${name}_count`, labels, value: count },
    ];
  }
}
