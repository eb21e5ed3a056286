import { type InputFault, InvalidInputError } from '../../../input/input-errors.js';
import { describeValue, type Fields, isPresent } from '../../../input/json.js';
import { isCallable, type Worker } from '../../../registry/worker.js';
import { UnsupportedTaskError } from '../../chat/chat-errors.js';
import type { JobCall } from '../jobs/job-front.js';
import { CHAT_JOB, CHAT_STREAM_JOB, imageJob, type ImageResponseFormat } from '../jobs/job-formats.js';
import { kindOf } from '../jobs/new-job.js';
import { readJobInput } from '../jobs/read-job-input.js';
import type { Endpoint } from '../endpoints.js';

/** The endpoints whose calls may be jobs. */
export type JobEndpoint = Extract<Endpoint, '/chat/completions' | '/images/generations' | '/images/edits'>;

/** A call of an endpoint as a job. @throws InvalidInputError, UnsupportedTaskError */
export function jobCallOf(
  endpoint: JobEndpoint,
  model: string,
  fields: Fields,
  workers: readonly Worker[],
): JobCall {
  if (endpoint !== '/chat/completions') return imageCallOf(endpoint, model, fields, workers);
  const input = readJobInput(fields);
  return { kind: kindOf(workers), input, format: fields['stream'] === true ? CHAT_STREAM_JOB : CHAT_JOB };
}

function imageCallOf(
  endpoint: JobEndpoint,
  model: string,
  fields: Fields,
  workers: readonly Worker[],
): JobCall {
  checkMakesImages(endpoint, model, workers);
  checkWhole(fields);
  const format = responseFormatOf(fields);
  const input = readJobInput(fields, ['partial_images']);
  if (endpoint === '/images/edits' && (input.images ?? []).length === 0)
    throw new InvalidInputError([
      { field: 'image', problem: 'must be the image to edit, or several: image[]; it is missing' },
    ]);
  return { kind: 'image', input, format: imageJob(format) };
}

/**
 * Whether the images may have to be converted, which jobs do: a template answers with bytes or with links, some servers give one of
 * them only, and the client wants the other.
 */
export function needsConversion(
  endpoint: Endpoint,
  fields: () => Fields,
  workers: readonly Worker[],
): boolean {
  if (endpoint !== '/images/generations' && endpoint !== '/images/edits') return false;
  if (!workers.some(mayNotGive)) return false;
  const { response_format: format } = fields();
  if (!isPresent(format)) return false;
  // A field of a form cannot be taken out of it; in JSON it is, where the server gives that format anyway.
  return endpoint === '/images/edits' || !workers.every((worker) => givesOnly(worker, format));
}

function mayNotGive(worker: Worker): boolean {
  if (!isCallable(worker)) return false;
  return worker.call.kind === 'template' || worker.call.profile.image_format !== 'any';
}

function givesOnly(worker: Worker, format: unknown): boolean {
  return !isCallable(worker) || (worker.call.kind === 'api' && worker.call.profile.image_format === format);
}

/** @throws InvalidInputError */
function responseFormatOf({ response_format: format }: Fields): ImageResponseFormat {
  if (!isPresent(format)) return null;
  if (format === 'url' || format === 'b64_json') return format;
  throw new InvalidInputError([
    { field: 'response_format', problem: `must be "url" or "b64_json"${describeValue(format)}` },
  ]);
}

/** Images come whole. @throws InvalidInputError */
function checkWhole({ stream, partial_images: partial }: Fields): void {
  const faults: InputFault[] = [];
  if (isPresent(stream) && stream !== false && stream !== 'false')
    faults.push({ field: 'stream', problem: 'must be false: this model returns images whole' });
  if (isPresent(partial) && Number(partial) !== 0)
    faults.push({ field: 'partial_images', problem: 'must be 0: this model returns images whole' });
  if (faults.length > 0) throw new InvalidInputError(faults);
}

/** An unknown model is a 404 later on. @throws UnsupportedTaskError */
function checkMakesImages(endpoint: string, model: string, workers: readonly Worker[]): void {
  if (workers.length === 0 || workers.some(({ task }) => task === 'image' || task === null)) return;
  throw new UnsupportedTaskError(endpoint, model, [...new Set(workers.map(({ task }) => task))].join(', '));
}
