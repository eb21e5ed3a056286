import { UnsupportedFieldError } from '../../input/input-errors.js';
import { RenderError } from '../../template/template-error.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import type { JobInput } from '../job.js';
import { checkJobValues, jobValues } from '../job-values.js';
import type { PollWorker } from './poll-workers.js';

export interface SubmitJob {
  readonly id: string;
  readonly requestId: string;
  readonly input: JobInput;
}

/** The submit as this worker wants it. @throws errors of a request that it cannot express, SecretMissingError, TemplateError */
export function submitCall(worker: PollWorker, { id, requestId, input }: SubmitJob): UpstreamCall {
  return worker.call.render(jobValues(worker, input, { id, requestId }), { 'x-request-id': requestId });
}

/** Why this worker cannot express the request; `null`: it can. */
export function whyUnable(worker: PollWorker, { input }: Pick<SubmitJob, 'input'>): Error | null {
  try {
    checkJobValues(worker, input);
    return null;
  } catch (error) {
    return error instanceof Error && isOfRequest(error) ? error : null;
  }
}

/** Whether another worker might express the request. */
export function isOfRequest(error: unknown): boolean {
  return error instanceof RenderError || error instanceof UnsupportedFieldError;
}
