import type { RunRecord } from './run-once.js';

/** The latency of the served requests that arrived in this time; unanswered ones count as infinite. */
export function p99Ms({ served, unanswered }: RunRecord, fromMs: number, untilMs: number): number {
  const times = served
    .filter(({ arrivedMs, answer }) => answer === 'served' && arrivedMs >= fromMs && arrivedMs < untilMs)
    .map(({ tookMs }) => tookMs);
  for (let i = 0; i < unanswered; i++) times.push(Infinity);
  times.sort((one, other) => one - other);
  return times[Math.floor(times.length * 0.99)] ?? Number.NaN;
}

/** The share of all attempts in this time that went to these workers. */
export function shareOf(
  { sent }: RunRecord,
  workers: readonly number[],
  fromMs: number,
  untilMs: number,
): number {
  let all = 0;
  let theirs = 0;
  for (const { atMs, worker } of sent) {
    if (atMs < fromMs || atMs >= untilMs) continue;
    all += 1;
    if (workers.includes(worker)) theirs += 1;
  }
  return theirs / all;
}

/** The share of the requests that arrived in this time and were not served. */
export function errorShare({ served, unanswered }: RunRecord, fromMs: number, untilMs: number): number {
  const all = served.filter(({ arrivedMs }) => arrivedMs >= fromMs && arrivedMs < untilMs);
  const bad = all.filter(({ answer }) => answer !== 'served').length;
  return (bad + unanswered) / (all.length + unanswered);
}

/** Answers per second that arrived before the timeout of their clients. */
export function goodput({ served }: RunRecord, patienceMs: number, fromMs: number, untilMs: number): number {
  const done = served.filter(
    ({ arrivedMs, tookMs, answer }) =>
      answer === 'served' &&
      tookMs <= patienceMs &&
      arrivedMs + tookMs >= fromMs &&
      arrivedMs + tookMs < untilMs,
  );
  return (done.length / (untilMs - fromMs)) * 1000;
}

/**
 * The share of the time of so many slots in which a request ran there, from 0 to 1. Answers per second would also count how long the
 * answers were that ended in this time: of one slot for minutes, by several per cent.
 */
export function slotTimeShare({ sent }: RunRecord, slots: number, fromMs: number, untilMs: number): number {
  let usedMs = 0;
  for (const { atMs, endedMs } of sent)
    usedMs += Math.max(0, Math.min(untilMs, endedMs ?? Infinity) - Math.max(fromMs, atMs));
  return usedMs / (slots * (untilMs - fromMs));
}
