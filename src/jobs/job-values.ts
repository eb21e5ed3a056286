import { linksToFetch, rejectUnsupported } from '../registry/calls/media-values.js';
import { placeholderValues, requireValue } from '../registry/calls/placeholder-values.js';
import type { TemplateCall, WorkerDefaults } from '../registry/worker.js';
import type { PlaceholderValues } from '../template/placeholders.js';
import type { JobInput } from './job.js';

/** The worker that a job is submitted to. */
export interface JobTarget {
  readonly modelName: string;
  readonly defaults: WorkerDefaults;
  readonly call: TemplateCall;
}

/**
 * The request of a job as placeholder values for one worker. A random seed follows from the job's id, so that it is the
 * same if the job is submitted again.
 * @throws UnsupportedFieldError naming the client's field: this worker's template or choices cannot express it
 */
export function jobValues(
  { modelName, defaults, call }: JobTarget,
  input: JobInput,
  { id, requestId }: { readonly id: string; readonly requestId: string },
): PlaceholderValues {
  rejectUnsupported(input, call.placeholders);
  const messages = input.messages.length > 0 ? input.messages : [{ role: 'user', content: input.prompt }];
  const values = placeholderValues(
    id,
    {
      messages,
      temperature: input.temperature,
      maxTokens: input.max_tokens,
      input: input.prompt,
      media: input,
    },
    call.upstreamModel ?? modelName,
    defaults,
    call,
    false,
  );
  requireValue(call.requires, values);
  return { ...values, JOB_ID: id, REQUEST_ID: requestId };
}

/**
 * Why this worker cannot serve a request, before a job is made of it. Links to images are taken for images that can be
 * fetched. @throws UnsupportedFieldError naming the client's field
 */
export function checkJobValues(target: JobTarget, input: JobInput): void {
  const asFetched = (link: string): string => (links.has(link) ? FETCHED : link);
  const links = new Set(linksToFetch(input, target.call));
  jobValues(target, withImages(input, asFetched), { id: '', requestId: '' });
}

const FETCHED = 'data:image/png;base64,';

/** The links of a request that must be fetched before `jobValues`: the worker takes bytes, not links. */
export function imageLinks(call: TemplateCall, input: JobInput): readonly string[] {
  return linksToFetch(input, call);
}

/** The request with its input images and its mask replaced. */
export function withImages(input: JobInput, replace: (image: string) => string): JobInput {
  return {
    ...input,
    ...(input.images === undefined ? {} : { images: input.images.map(replace) }),
    ...(input.mask === undefined ? {} : { mask: replace(input.mask) }),
  };
}
