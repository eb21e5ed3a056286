/** Arguments for `node` that shift the clock of the process from its start. */
export function shiftedClock(byMs: number): readonly [string, string] {
  const code = `
    const TrueDate = Date;
    const nowMs = () => TrueDate.now() + ${byMs};
    globalThis.Date = new Proxy(TrueDate, {
      construct: (target, given, newTarget) =>
        Reflect.construct(target, given.length === 0 ? [nowMs()] : given, newTarget),
      apply: () => new TrueDate(nowMs()).toString(),
      get: (target, name) => (name === 'now' ? nowMs : Reflect.get(target, name)),
    });`;
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`];
}
