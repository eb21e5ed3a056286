import { DocumentBuilder, getSchemaPath, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { VERSION } from '../config/version.js';
import { PatchKeyDto, PatchTeamDto, TeamDto } from '../access/keys/keys.dto.js';
import { NativeErrorDto, OpenAiErrorDto } from '../errors/error-answers.dto.js';
import { isNativePath } from '../errors/envelopes.js';
import {
  describeInference,
  INFERENCE_MODELS,
  INFERENCE_SCHEMAS,
} from '../inference/apis/describe-inference.js';
import { ModelDto } from '../registry/models/model.dto.js';
import { PatchWorkerDto } from '../registry/register-worker.dto.js';
import { WorkerDto } from '../registry/worker-answers.dto.js';
import { describeHeaders } from './headers.js';
import { describeInputs, type ObjectSchema } from './input-schemas.js';
import { asJsonSchema } from './json-schema.js';
import { SignedOutDto } from './signed-out.dto.js';
import { describeWholeNumbers } from './whole-numbers.js';

/** Called without a key. */
const PROBES = ['/livez', '/readyz', '/health'];

/** Serves `/openapi.json`, and pages at `/docs` from local files. */
export function serveOpenApi(app: NestFastifyApplication): void {
  const description = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Multi-Model Manager')
    .setDescription('One place to register any HTTP inference service by data alone, and to call it through.')
    .setVersion(VERSION)
    .addServer('/', 'This service')
    .addSecurity('bearer', { type: 'http', scheme: 'bearer' })
    .addSecurity('x-api-key', { type: 'apiKey', in: 'header', name: 'x-api-key' })
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('x-api-key')
    .build();
  const extraModels = [...INFERENCE_MODELS, NativeErrorDto, OpenAiErrorDto, SignedOutDto];
  const create = () => completed(SwaggerModule.createDocument(app, description, { extraModels }));
  SwaggerModule.setup('docs', app, create, {
    jsonDocumentUrl: 'openapi.json',
    raw: ['json'],
    // Otherwise the page loads a badge from validator.swagger.io.
    swaggerOptions: { validatorUrl: null },
  });
}

/** Adds what decorators would repeat for every route, and the hot routes, which declare nothing. */
function completed(document: OpenAPIObject): OpenAPIObject {
  const { paths } = document;
  const schemas = (document.components ??= {}).schemas ?? {};
  nameModels(document);
  describeInference(document);
  describeProbes(document);
  describeSession(document);
  describeChanges(document);
  describeCsv(document);
  describeInputs(schemas as Record<string, ObjectSchema>);
  describeWholeNumbers(schemas);
  for (const [path, item] of Object.entries(paths))
    for (const operation of [item.get, item.post, item.put, item.patch, item.delete]) {
      if (operation === undefined) continue;
      if (isNativePath(path)) operation.tags = ['Native API'];
      if (PROBES.includes(path)) operation.security = [];
      const errors = errorsOf(path).map((name) => ({ $ref: `#/components/schemas/${name}` }));
      const [error = {}] = errors;
      const content = { 'application/json': { schema: errors.length === 1 ? error : { anyOf: errors } } };
      operation.responses['4XX'] = { description: 'A fault of the request', content };
      operation.responses['5XX'] ??= { description: 'A failure of a worker or of this service', content };
    }
  describeHeaders(document);
  const written = asJsonSchema(document) as OpenAPIObject;
  Object.assign(written.info, { license: { name: 'MIT', identifier: 'MIT' } });
  // These are JSON Schemas already.
  Object.assign(written.components?.schemas ?? {}, INFERENCE_SCHEMAS);
  return written;
}

/** The envelopes of a path: it depends on the API that the client speaks. */
function errorsOf(path: string): readonly string[] {
  if (path === '/api/v1/chat/completions') return [NativeErrorDto.name, OpenAiErrorDto.name];
  if (isNativePath(path)) return [NativeErrorDto.name];
  if (path.startsWith('/v1/messages')) return ['AnthropicError'];
  return path.startsWith('/v1/models') ? [OpenAiErrorDto.name, 'AnthropicError'] : [OpenAiErrorDto.name];
}

const STATUS = { type: 'object', required: ['status'], properties: { status: { type: 'string' } } };
const HELD_BACK = { ...STATUS, properties: { ...STATUS.properties, reason: { type: 'string' } } };
const SUMMARY = {
  type: 'object',
  required: ['status', 'database', 'registry_age_seconds', 'models', 'workers', 'failing'],
  properties: {
    ...STATUS.properties,
    database: { type: 'string' },
    registry_age_seconds: { type: 'number', nullable: true },
    models: { type: 'integer' },
    workers: { type: 'object', additionalProperties: { type: 'integer' } },
    failing: {
      type: 'array',
      items: {
        type: 'object',
        required: ['worker_id', 'since', 'error_type'],
        properties: {
          worker_id: { type: 'string' },
          since: { type: 'string', format: 'date-time' },
          error_type: { type: 'string' },
        },
      },
    },
  },
};

function describeCsv({ paths }: OpenAPIObject): void {
  const success = paths['/api/v1/usage']?.get?.responses['200'];
  if (success === undefined || !('content' in success)) return;
  success.content = { ...success.content, 'text/csv': { schema: { type: 'string' } } };
}

function describeProbes({ paths }: OpenAPIObject): void {
  const describe = (path: string, status: string, description: string, schema: object): void => {
    const get = paths[path]?.get;
    if (get !== undefined)
      get.responses[status] = { description, content: { 'application/json': { schema } } };
  };
  describe('/livez', '200', 'It runs', STATUS);
  describe('/readyz', '200', 'Ready for traffic', STATUS);
  describe(
    '/readyz',
    '503',
    'Not ready: the status says why, and a reason which settings are wrong',
    HELD_BACK,
  );
  describe('/health', '200', 'The summary', SUMMARY);
  const metrics = paths['/metrics']?.get;
  if (metrics !== undefined)
    metrics.responses['200'] = {
      description: 'The metrics',
      content: { 'text/plain': { schema: { type: 'string' } } },
    };
}

function describeSession({ paths }: OpenAPIObject): void {
  const get = paths['/api/v1/session']?.get;
  if (get !== undefined) get.responses['401'] = answer('Not signed in', SignedOutDto);
}

function describeChanges({ paths }: OpenAPIObject): void {
  const [all, one, model, key, team] = [
    paths['/api/v1/workers'],
    paths['/api/v1/workers/{id}'],
    paths['/api/v1/models/{name}'],
    paths['/api/v1/keys/{id}'],
    paths['/api/v1/teams/{name}'],
  ];
  if (all?.put !== undefined) all.put.responses['201'] = answer('The worker is new', WorkerDto);
  if (model?.put !== undefined) model.put.responses['201'] = answer('The policy is new', ModelDto);
  if (team?.put !== undefined) team.put.responses['201'] = answer('The team is new', TeamDto);
  for (const operation of [one, model, key, team].flatMap((item) => [item?.put, item?.patch, item?.delete])) {
    if (operation === undefined) continue;
    const parameters = (operation.parameters ?? []).filter(
      (each) => !('name' in each && each.name === 'if-match'),
    );
    operation.parameters = [
      ...parameters,
      {
        name: 'If-Match',
        in: 'header',
        required: false,
        schema: { type: 'string' },
        description: 'The ETag of the version that the change is based on: 412 if there is a newer one.',
      },
    ];
  }
  describeMergePatch(one, PatchWorkerDto);
  describeMergePatch(key, PatchKeyDto);
  describeMergePatch(team, PatchTeamDto);
}

function describeMergePatch(item: OpenAPIObject['paths'][string] | undefined, patch: Model): void {
  const sent = item?.patch?.requestBody;
  if (sent !== undefined && 'content' in sent)
    sent.content = { ...sent.content, ...json(patch, 'application/merge-patch+json') };
}

/** Names of models and teams may contain `/`, so their routes end in a wildcard, which has no name. */
function nameModels({ paths }: OpenAPIObject): void {
  for (const [path, item] of Object.entries(paths)) {
    if (!path.endsWith('/{path}')) continue;
    delete paths[path];
    const named = path.replace(/\{path\}$/, '{name}');
    const { post, ...others } = item;
    paths[named] = others;
    if (post !== undefined)
      paths[`${named}/explain`] = { post: { ...post, tags: item.get?.tags ?? post.tags ?? [] } };
    for (const { parameters } of [item.get, item.put, item.patch, item.delete, post].filter(
      (operation) => operation !== undefined,
    ))
      for (const parameter of parameters ?? [])
        if ('name' in parameter && parameter.name === '*') parameter.name = 'name';
  }
}

type Model = new () => object;

function answer(description: string, model: Model) {
  return { description, content: json(model) };
}

function json(model: Model, type = 'application/json') {
  return { [type]: { schema: { $ref: getSchemaPath(model) } } };
}
