import { getSchemaPath, type OpenAPIObject } from '@nestjs/swagger';
import { JobDto } from './jobs-api.dto.js';

const JOB = { 'application/json': { schema: { $ref: getSchemaPath(JobDto) } } };
const FILE = { '*/*': { schema: {} } };
const EVENTS = { 'text/event-stream': { schema: { type: 'string' } } };

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

/** What decorators cannot express of the jobs API: further statuses, headers, and bodies that are no JSON. */
export function describeJobs({ paths }: OpenAPIObject): void {
  for (const path of [
    '/api/v1/chat/completions',
    '/v1/chat/completions',
    '/v1/images/generations',
    '/v1/images/edits',
  ]) {
    const call = paths[path]?.post;
    header(
      call,
      'Prefer',
      'respond-async: a 202 with the job, also for a model without long work; wait=20 waits so many seconds first.',
    );
    answer(call, '202', 'The job, with Prefer: respond-async', JOB);
  }
  const post = paths['/api/v1/jobs']?.post;
  answer(
    post,
    '200',
    'The job that there is: the same request came before, with the same Idempotency-Key',
    JOB,
  );
  header(
    post,
    'Idempotency-Key',
    'Requests with the same key make one job; another body under the same key is a 422.',
  );
  answer(paths['/api/v1/jobs/{id}']?.delete, '200', 'The job, which has ended', JOB);
  const follow = paths['/api/v1/jobs/{id}/events']?.get;
  answer(follow, '200', 'Events: `event: job`, `id:` the version, `data:` the job', EVENTS);
  if (follow !== undefined)
    follow.responses['204'] = { description: 'The job has ended, and the client knows all of it' };
  header(follow, 'Last-Event-ID', 'The version that the client knows: only newer ones are sent.');
  const file = paths['/api/v1/jobs/{id}/files/{number}']?.get;
  answer(file, '200', 'The file', FILE);
  answer(file, '206', 'The part that Range names', FILE);
  header(file, 'Range', 'A part of the file, such as bytes=0-999.');
  const content = paths['/v1/videos/{id}/content']?.get;
  answer(content, '200', 'The film', FILE);
  answer(content, '206', 'The part that Range names', FILE);
  header(content, 'Range', 'A part of the film, such as bytes=0-999.');
}

function answer(
  operation: Operation | undefined,
  status: string,
  description: string,
  content: object,
): void {
  if (operation !== undefined) operation.responses[status] = { description, content: { ...content } };
}

function header(operation: Operation | undefined, name: string, description: string): void {
  operation?.parameters?.push({
    name,
    in: 'header',
    required: false,
    description,
    schema: { type: 'string' },
  });
}
