/** What happens to a task. A prompt chooses it by its name in brackets, such as `a cat [rough]`. */
export const WEATHERS = [
  'ok',
  /** Ends with a failure in the vendor's words. */
  'fail',
  /** Is not found twice, then it is there. */
  'grace',
  /** Looks answer 429, 500 in HTML and broken JSON before they are good; the first fetch of the result answers 503. */
  'rough',
  /** Is never found. */
  'lost',
  /** The first submit is refused as busy. */
  'busy',
  /** The prompt violates the vendor's rules. */
  'refused',
  /** Is done, but the result was held back. */
  'filtered',
  /** Runs until it is cancelled. */
  'held',
  /** Is taken, but the connection breaks before the answer. */
  'cut',
] as const;

export type Weather = (typeof WEATHERS)[number];

export interface Phase {
  readonly is: 'queued' | 'running' | 'done' | 'failed' | 'cancelled';
  /** 0 to 100. */
  readonly percent: number;
}

export interface Origins {
  /** The vendor's API. */
  readonly api: string;
  /** Another host of the vendor, such as a region's. */
  readonly region: string;
  /** A content delivery network, which must not see credentials. */
  readonly files: string;
}

export interface Size {
  readonly width: number;
  readonly height: number;
  /** How many results are wanted. */
  readonly n: number;
}

/** One accepted submit. */
export class Task {
  looks = 0;
  fetches = 0;
  isCancelled = false;

  constructor(
    readonly id: string,
    readonly prompt: string,
    readonly weather: Weather,
    readonly body: Readonly<Record<string, unknown>>,
    readonly origins: Origins,
    readonly size: Size,
  ) {}

  get isFiltered(): boolean {
    return this.weather === 'filtered';
  }

  /** Where the content delivery network has a result of this task. */
  file(extension: 'png' | 'mp4', number = 0): string {
    return `${this.origins.files}/${encodeURIComponent(this.id)}-${number}.${extension}`;
  }

  /** It waits at the first good look, runs at the second and third, and ends at the fourth. */
  get phase(): Phase {
    if (this.isCancelled) return { is: 'cancelled', percent: 60 };
    const looks = this.looks - (BAD_LOOKS[this.weather] ?? 0);
    if (looks <= 1) return { is: 'queued', percent: 0 };
    if (looks === 2 || this.weather === 'held') return { is: 'running', percent: 30 };
    if (looks === 3) return { is: 'running', percent: 60 };
    return { is: this.weather === 'fail' ? 'failed' : 'done', percent: 100 };
  }
}

/** Looks that say nothing of the state. */
export const BAD_LOOKS: Readonly<Partial<Record<Weather, number>>> = { grace: 2, rough: 3 };

export function weatherOf(prompt: string): Weather {
  const [, word] = /\[(\w+)\]/.exec(prompt) ?? [];
  return WEATHERS.find((weather) => weather === word) ?? 'ok';
}

/** The words of a failure, by which a test finds them again. */
export const NO_GPU = 'no GPU left';
export const HELD_BACK = 'held back by policy';
