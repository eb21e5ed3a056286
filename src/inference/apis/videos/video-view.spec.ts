import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../../jobs/job.js';
import { ROOT } from '../../../access/caller.js';
import { jobView } from '../../../jobs/job-view.js';
import { shownTo } from '../jobs/own-jobs.js';
import { jobIdOf, videoId, videoList, videoObject } from './video-view.js';

const JOB: Job = {
  id: '0198a1b2-c3d4-7000-8000-000000000001',
  version: 4,
  modelName: 'gen4',
  kind: 'video',
  priority: 'default',
  ownerKey: '',
  keyName: null,
  state: 'running',
  workerId: null,
  upstreamWord: 'RUNNING',
  progress: 60,
  queuePosition: null,
  note: '',
  error: null,
  input: { prompt: 'a cat', messages: [], seconds: 5, size: '1280x720' },
  files: [],
  createdAt: new Date('2026-11-26T10:00:00Z'),
  submittedAt: new Date('2026-11-26T10:00:01Z'),
  endedAt: null,
  expiresAt: null,
};
const ENDED = { endedAt: new Date('2026-11-26T10:05:00Z'), expiresAt: new Date('2026-11-27T10:00:00Z') };

describe('a job as a video', () => {
  it('has the id of the job, without its hyphens', () => {
    fc.assert(
      fc.property(fc.uuid(), (id) => {
        expect(jobIdOf(videoId(id))).toBe(id);
      }),
    );
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(jobIdOf(`vid_${text}`)).toBeNull();
      }),
    );
  });

  it('shows a running job as in progress', () => {
    expect(videoObject(JOB, {})).toEqual({
      id: 'video_0198a1b2c3d470008000000000000001',
      object: 'video',
      model: 'gen4',
      status: 'in_progress',
      progress: 60,
      created_at: 1_795_687_200,
      completed_at: null,
      expires_at: null,
      error: null,
      prompt: 'a cat',
      remixed_from_video_id: null,
      seconds: '5',
      size: '1280x720',
    });
  });

  it('takes what the request does not say from the worker', () => {
    const input = { prompt: 'a cat', messages: [] };
    expect(videoObject({ ...JOB, input }, { seconds: 8, size: '720x1280' })).toMatchObject({
      seconds: '8',
      size: '720x1280',
    });
    expect(videoObject({ ...JOB, input }, {})).toMatchObject({ seconds: '', size: '' });
  });

  it('is completed with its times, or failed with its error', () => {
    expect(videoObject({ ...JOB, ...ENDED, state: 'succeeded' }, {})).toMatchObject({
      status: 'completed',
      progress: 100,
      completed_at: 1_795_687_500,
      expires_at: 1_795_773_600,
    });
    const error = { code: 'upstream_failed' as const, message: 'moderated' };
    expect(videoObject({ ...JOB, ...ENDED, state: 'failed', error }, {})).toMatchObject({
      status: 'failed',
      completed_at: null,
      error,
    });
    expect(videoObject({ ...JOB, ...ENDED, state: 'cancelled' }, {})).toMatchObject({
      status: 'failed',
      error: { code: 'cancelled' },
    });
  });

  it('is listed with the ids of the first and the last', () => {
    expect(videoList([], false, () => ({}))).toMatchObject({ data: [], first_id: null, last_id: null });
    expect(videoList([JOB], true, () => ({}))).toMatchObject({
      first_id: videoId(JOB.id),
      last_id: videoId(JOB.id),
      has_more: true,
    });
  });
});

describe('a job as clients see it', () => {
  it.each([
    ['queued', 'queued', ''],
    ['submitting', 'running', 'it is being submitted'],
    ['unknown', 'running', 'the submit was interrupted, and the upstream may have taken it'],
    ['cancelling', 'running', 'it is being cancelled'],
    ['cancelled', 'cancelled', ''],
  ] as const)('that is %s is %s', (state, status, note) => {
    expect(jobView({ ...JOB, state })).toMatchObject({ status, note, result: null });
  });

  it('leads to files of the upstream, and to those that are kept here', () => {
    const files = [
      { number: 0, url: 'https://cdn.example/a.mp4', type: 'video/mp4', bytes: null },
      { number: 1, url: null, type: 'image/png', bytes: 3 },
    ];
    expect(jobView({ ...JOB, ...ENDED, state: 'succeeded', files }).result).toEqual({
      files: [
        { url: 'https://cdn.example/a.mp4', content_type: 'video/mp4', bytes: null },
        { url: `/api/v1/jobs/${JOB.id}/files/1`, content_type: 'image/png', bytes: 3 },
      ],
    });
  });

  it('has the beginning of its prompt as a title, which is not for viewers', () => {
    expect(jobView(JOB).title).toBe('a cat');
    const input = { prompt: `\t${'😀'.repeat(80)}`, messages: [] };
    expect(jobView({ ...JOB, input }).title).toBe(`${'😀'.repeat(49)}…`);
    expect(jobView({ ...JOB, input: 7 as unknown as Job['input'] }).title).toBe('');
    expect(shownTo({ ...ROOT, role: 'viewer' }, JOB)).toMatchObject({ title: null, key: null });
    expect(shownTo({ ...ROOT, role: 'operator' }, { ...JOB, keyName: 'films' })).toMatchObject({
      title: 'a cat',
      key: 'films',
    });
  });

  it('survives a time that was set by hand to infinity', () => {
    expect(jobView({ ...JOB, expiresAt: Infinity as unknown as Date }).expires_at).toBeNull();
  });
});
