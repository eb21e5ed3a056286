/** A model that is back within this time goes on with its series. */
const KEPT_MS = 3_600_000;

/** Remembers since when models are gone, so that their series can be dropped. */
export class GoneModels {
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
