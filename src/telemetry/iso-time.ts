const SECOND_MS = 1000;

let second = NaN;
let upToTheSecond = '';

/** `,"time":"2026-11-23T00:01:02.003Z"` of now, as pino wants it. What does not change within a second is made once. */
export function isoTime(nowMs = Date.now()): string {
  const ms = nowMs % SECOND_MS;
  if (nowMs - ms !== second) {
    second = nowMs - ms;
    upToTheSecond = `,"time":"${new Date(second).toISOString().slice(0, -'000Z'.length)}`;
  }
  return `${upToTheSecond}${String(ms).padStart(3, '0')}Z"`;
}
