import { type Family, type Labels, labelText, sample } from './exposition.js';

/** Labels whose values are names of models: such series are dropped some time after the model. */
const MODEL_LABELS: ReadonlySet<string> = new Set(['model', 'fallback_model']);

export interface About<Label extends string> {
  readonly name: string;
  /** One sentence, with the unit if the name has none. */
  readonly help: string;
  readonly labelNames: readonly Label[];
}

/** A number that only grows. */
export class CounterSeries {
  value = 0;

  constructor(
    readonly labels: string,
    readonly models: readonly string[],
  ) {}

  add(by = 1): void {
    this.value += by;
  }
}

/** Observations by size. */
export class HistogramSeries {
  count = 0;
  private sum = 0;
  /** Observations within each bucket, not cumulative. */
  private readonly inBucket: number[];

  constructor(
    readonly labels: string,
    readonly models: readonly string[],
    private readonly bounds: readonly number[],
  ) {
    this.inBucket = bounds.map(() => 0);
  }

  /** @param times how many observations have this value */
  observe(value: number, times = 1): void {
    this.count += times;
    this.sum += value * times;
    for (let at = 0; at < this.bounds.length; at++) {
      if (value > (this.bounds[at] ?? Infinity)) continue;
      this.inBucket[at] = (this.inBucket[at] ?? 0) + times;
      return;
    }
  }

  /** The cumulative buckets of Prometheus. */
  *lines(name: string): Generator<string, void> {
    const more = this.labels === '' ? '' : `,${this.labels}`;
    let upTo = 0;
    for (let at = 0; at < this.bounds.length; at++) {
      upTo += this.inBucket[at] ?? 0;
      yield `${name}_bucket{le="${this.bounds[at]}"${more}} ${upTo}\n`;
    }
    yield `${name}_bucket{le="+Inf"${more}} ${this.count}\n`;
    yield sample(`${name}_sum`, this.labels, this.sum);
    yield sample(`${name}_count`, this.labels, this.count);
  }
}

/** The series of a metric, made when they are first used and then found without work: `of` once, `add` often. */
abstract class SeriesFamily<Label extends string, Series extends { readonly models: readonly string[] }> {
  private readonly series = new Map<string, Series>();

  constructor(private readonly about: About<Label>) {}

  get name(): string {
    return this.about.name;
  }

  get help(): string {
    return this.about.help;
  }

  get labelNames(): readonly Label[] {
    return this.about.labelNames;
  }

  of(labels: Labels<Label>): Series {
    const text = labelText(this.labelNames, labels);
    let found = this.series.get(text);
    if (found === undefined) this.series.set(text, (found = this.make(text, this.modelsOf(labels))));
    return found;
  }

  drop(isGone: (model: string) => boolean): void {
    for (const [text, { models }] of this.series) if (models.some(isGone)) this.series.delete(text);
  }

  /** A metric without labels has its one series from the start. */
  protected all(): Iterable<Series> {
    if (this.labelNames.length === 0 && this.series.size === 0) this.series.set('', this.make('', []));
    return this.series.values();
  }

  protected abstract make(labels: string, models: readonly string[]): Series;

  private modelsOf(labels: Labels<Label>): readonly string[] {
    return this.labelNames.filter((name) => MODEL_LABELS.has(name)).map((name) => labels[name]);
  }
}

export class Counter<Label extends string> extends SeriesFamily<Label, CounterSeries> implements Family {
  readonly type = 'counter';

  add(labels: Labels<Label>): void {
    this.of(labels).add();
  }

  *lines(): Generator<string, void> {
    for (const { labels, value } of this.all()) yield sample(this.name, labels, value);
  }

  protected make(labels: string, models: readonly string[]): CounterSeries {
    return new CounterSeries(labels, models);
  }
}

export class Histogram<Label extends string> extends SeriesFamily<Label, HistogramSeries> implements Family {
  readonly type = 'histogram';

  /** @param bounds of the buckets, ascending */
  constructor(
    about: About<Label>,
    private readonly bounds: readonly number[],
  ) {
    super(about);
  }

  *lines(): Generator<string, void> {
    for (const series of this.all()) yield* series.lines(this.name);
  }

  protected make(labels: string, models: readonly string[]): HistogramSeries {
    return new HistogramSeries(labels, models, this.bounds);
  }
}

/** Values that are read at each scrape. */
export type Readings<Label extends string> = Iterable<readonly [labels: Labels<Label>, value: number]>;

/** A number that goes up and down, read at each scrape. */
export class Gauge<Label extends string> implements Family {
  readonly type = 'gauge';
  readonly name: string;
  readonly help: string;
  readonly labelNames: readonly Label[];

  constructor(
    { name, help, labelNames }: About<Label>,
    private readonly read: () => Readings<Label> | Promise<Readings<Label>>,
  ) {
    this.name = name;
    this.help = help;
    this.labelNames = labelNames;
  }

  lines(): Iterable<string> | Promise<Iterable<string>> {
    const readings = this.read();
    return readings instanceof Promise ? readings.then((come) => this.linesOf(come)) : this.linesOf(readings);
  }

  private *linesOf(readings: Readings<Label>): Generator<string, void> {
    for (const [labels, value] of readings)
      yield sample(this.name, labelText(this.labelNames, labels), value);
  }
}
