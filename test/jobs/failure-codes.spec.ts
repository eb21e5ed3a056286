import { describe, expect, it } from 'vitest';
import { problemOf } from '../../src/errors/problem.js';
import { JobFailedError } from '../../src/inference/apis/jobs/job-errors.js';
import type { Job, JobErrorCode } from '../../src/jobs/job.js';

function failed(code: JobErrorCode) {
  const job = { id: '1', state: 'failed', error: { code, message: 'words of the vendor' } } as unknown as Job;
  const { status, code: shown, message, headers } = problemOf(JobFailedError.of(job));
  return { status, shown, message, retry: headers?.['x-should-retry'] };
}

describe('a job that failed while its client waited', () => {
  it.each([
    ['busy', 503, 'true'],
    ['submit_refused', 502, 'false'],
    ['submit_unknown', 502, 'false'],
    ['upstream_failed', 502, 'false'],
    ['upstream_lost', 502, 'false'],
    ['result_missing', 502, 'false'],
    ['result_unreachable', 502, 'false'],
    ['result_forbidden', 502, 'false'],
    ['timeout', 504, 'false'],
    ['misconfigured', 502, 'false'],
    ['cancelled', 502, 'false'],
    ['worker_deleted', 502, 'false'],
  ] as const)('with %s is a %i, and x-should-retry is %s', (code, status, retry) => {
    const message = 'worker execute error: words of the vendor (job 1)';
    expect(failed(code)).toEqual({ status, shown: code, message, retry });
  });
});
