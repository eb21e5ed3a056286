import { decode } from 'fast-png';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emptyMp4 } from '../fakes/long-work/mp4.js';
import type { Weather } from '../fakes/long-work/task.js';
import {
  type Ended,
  type Generated,
  LongWorkHarness,
  PLAYED,
  type PlayedPreset,
} from './long-work-harness.js';
import { IMAGE } from './long-work-plays.js';

/** They are played at once for all presets, because most of their time is waiting. */
const WEATHERS = [
  'ok',
  'fail',
  'grace',
  'rough',
  'lost',
  'busy',
  'refused',
  'held',
  'filtered',
  'cut',
] as const;

/** Twenty seconds on two free cores. */
const PLAYED_WITHIN_MS = 300_000;

let harness: LongWorkHarness;
const running = new Map<string, Promise<Ended>>();
const generating = new Map<string, Promise<Generated>>();
beforeAll(async () => {
  harness = await LongWorkHarness.start();
  for (const each of PLAYED) {
    for (const weather of WEATHERS)
      if (has(each, weather)) running.set(`${each.name} ${weather}`, harness.run(each, weather));
    if (each.play.withImage !== undefined)
      running.set(`${each.name} image`, harness.run(each, 'ok', { image: each.play.image ?? IMAGE }));
    generating.set(each.name, harness.generate(each));
  }
  // The tests report what failed.
  await Promise.allSettled([...running.values(), ...generating.values()]);
}, PLAYED_WITHIN_MS);
afterAll(() => harness.stop());

/** Whether the vendor has such weather. */
function has({ vendor, preset, play }: PlayedPreset, weather: Weather): boolean {
  if (weather === 'busy') return vendor.replies.busy !== null;
  if (weather === 'filtered') return play.filtered !== undefined;
  // Otherwise it stays unknown whether the submit arrived.
  if (weather === 'cut') return preset.defaults.poll?.['resubmit'] === 'ask';
  return true;
}

const played = (weather: Weather): readonly PlayedPreset[] => PLAYED.filter((each) => has(each, weather));

async function endOf({ name }: PlayedPreset, what: Weather | 'image'): Promise<Ended> {
  const found = running.get(`${name} ${what}`);
  if (found === undefined) throw new Error(`${what} was not played for ${name}`);
  return found;
}

/** Exactly one submit, with these words. */
function submitsOf({ name }: PlayedPreset, { prompt }: Ended): number {
  return harness.standIn(name).submitsOf(prompt);
}

describe.each(PLAYED)('a task by the preset $name', (each) => {
  const { name, play } = each;

  it('is submitted once, as the vendor documents it, and ends with its files', async () => {
    const end = await endOf(each, 'ok');
    const { job, prompt } = end;
    expect(job).toMatchObject({
      status: 'succeeded',
      progress: 100,
      upstream_status: play.word,
      error: null,
    });
    expect(submitsOf(each, end)).toBe(1);
    expect(harness.taskOf(name, prompt)?.body).toEqual(filled(play.sent, prompt, job.id));
    const files = job.result?.files ?? [];
    expect(files).toHaveLength(Number(play.request['n'] ?? 1));
    for (const { url } of files) {
      expect(url.startsWith('/')).toBe(play.files === 'here');
      const { type, bytes } = await harness.file(url);
      expect(type).toBe(play.type);
      expect(shownIn(bytes, play.type)).toContain(play.type === 'image/png' ? prompt : 'nothing');
    }
  });

  it("reaches OpenAI's client", async () => {
    const { prompt, files = [] } = (await generating.get(name)) ?? { prompt: '' };
    expect(harness.standIn(name).submitsOf(prompt)).toBe(1);
    expect(files).toHaveLength(Number(play.request['n'] ?? 1));
    for (const { bytes } of files)
      expect(shownIn(bytes, play.type)).toContain(play.type === 'image/png' ? prompt : 'nothing');
  });

  it('shows its progress and place while it runs', async () => {
    const { progress, queuePositions } = await endOf(each, 'ok');
    expect(progress).toEqual(progress.toSorted((a, b) => a - b));
    expect(progress.some((value) => value > 0 && value < 100)).toBe(play.progress === true);
    expect(queuePositions[0]).toBe(play.queuePosition);
  });

  it("fails with the vendor's words", async () => {
    const end = await endOf(each, 'fail');
    expect(end.job).toMatchObject({ status: 'failed', result: null, error: { code: 'upstream_failed' } });
    expect(end.job.error?.message).toContain(play.failed);
    expect(submitsOf(each, end)).toBe(1);
  });

  it('is waited for when it is not found at first', async () => {
    const end = await endOf(each, 'grace');
    expect(end.job).toMatchObject({ status: 'succeeded', error: null });
    expect(submitsOf(each, end)).toBe(1);
  });

  it('survives 429, 500 and broken JSON while it is polled', async () => {
    const end = await endOf(each, 'rough');
    expect(end.job).toMatchObject({ status: 'succeeded', error: null });
    expect(submitsOf(each, end)).toBe(1);
  });

  it('ends as lost when the vendor forgets it', async () => {
    const end = await endOf(each, 'lost');
    expect(end.job).toMatchObject({ status: 'failed', error: { code: play.lost ?? 'upstream_lost' } });
    expect(submitsOf(each, end)).toBe(1);
  });

  it("is refused with the vendor's words", async () => {
    const end = await endOf(each, 'refused');
    expect(end.job).toMatchObject({ status: 'failed', error: { code: 'submit_refused' } });
    expect(end.job.error?.message).toContain(play.refused);
    expect(submitsOf(each, end)).toBe(0);
  });

  it('is cancelled, at the vendor too where it has a way', async () => {
    const end = await endOf(each, 'held');
    expect(end.job).toMatchObject({ status: 'cancelled', result: null, error: { code: 'cancelled' } });
    const hasWay = each.preset.defaults.poll?.['cancel'] !== undefined;
    expect(harness.taskOf(name, end.prompt)?.isCancelled).toBe(hasWay);
    expect(submitsOf(each, end)).toBe(1);
  });
});

it.each(played('busy'))(
  'a task by the preset $name is submitted again when the vendor is busy',
  async (each) => {
    const end = await endOf(each, 'busy');
    expect(end.job).toMatchObject({ status: 'succeeded', error: null });
    expect(harness.standIn(each.name).turnedAway.size).toBe(1);
    expect(submitsOf(each, end)).toBe(1);
  },
);

it.each(played('filtered'))('a result of the preset $name that was held back is no success', async (each) => {
  const { job } = await endOf(each, 'filtered');
  const { code, message } = each.play.filtered ?? { code: '', message: '' };
  expect(job).toMatchObject({ status: 'failed', result: null, error: { code } });
  expect(job.error?.message).toContain(message);
});

it.each(played('cut'))(
  'a task by the preset $name is found again when the answer to its submit was lost',
  async (each) => {
    const end = await endOf(each, 'cut');
    expect(end.job).toMatchObject({ status: 'succeeded', error: null });
    expect(submitsOf(each, end)).toBe(1);
  },
);

it.each(PLAYED.filter(({ play }) => play.withImage !== undefined))(
  'an input image reaches the vendor of the preset $name in its own form',
  async (each) => {
    const { job, prompt } = await endOf(each, 'image');
    expect(job).toMatchObject({ status: 'succeeded', error: null });
    const task = harness.taskOf(each.name, prompt);
    expect(task?.body).toEqual(filled(each.play.withImage ?? {}, prompt, job.id));
  },
);

it('no vendor got a call that its documents do not describe', () => {
  const faults = [...harness.standIns].flatMap(([name, standIn]) =>
    standIn.faults.map((fault) => `${name}: ${fault}`),
  );
  expect(faults).toEqual([]);
});

it('no delivery network got a credential', async () => {
  const generated = await Promise.all(generating.values());
  const leaks = [...harness.standIns].flatMap(([name, { leaks: seen }]) => {
    // Downloaded through the service, which sends the key to this network because the registration names it.
    const ids = generated.map(({ prompt }) => harness.taskOf(name, prompt)?.id ?? 'none');
    return seen.filter((leak) => !ids.some((id) => leak.startsWith(`/${id}-`)));
  });
  expect(leaks).toEqual([]);
});

/** The prompt of a picture that was drawn; films show nothing. */
function shownIn(bytes: Uint8Array, type: string): string {
  if (type === 'image/png') return String(JSON.parse(decode(bytes).text['prompt'] ?? '""'));
  return emptyMp4().equals(bytes) ? 'nothing' : 'something else';
}

/** What the vendor must have got. */
function filled(expected: unknown, prompt: string, jobId: string): unknown {
  if (typeof expected === 'string')
    return expected.replace('{PROMPT}', () => prompt).replace('{JOB_ID}', () => jobId);
  if (Array.isArray(expected)) return expected.map((each) => filled(each, prompt, jobId));
  if (typeof expected !== 'object' || expected === null) return expected;
  return Object.fromEntries(
    Object.entries(expected).map(([key, value]) => [key, filled(value, prompt, jobId)]),
  );
}
