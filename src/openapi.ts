import { VERSION } from './config/version.js';
import { DocumentBuilder, getSchemaPath, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { describeInference, INFERENCE_MODELS } from './inference/apis/describe-inference.js';
import { OpenAiErrorDto, NativeErrorDto } from './errors/error-answers.dto.js';
import { isNativePath } from './errors/envelopes.js';
import { PatchWorkerDto } from './registry/register-worker.dto.js';
import { WorkerDto } from './registry/worker-answers.dto.js';

/** Called without a key. */
const PROBES = ['/livez', '/readyz', '/health'];

/** Serves `/openapi.json`, and pages at `/docs` from local files. */
export function serveOpenApi(app: NestFastifyApplication): void {
  const description = new DocumentBuilder()
    .setTitle('Multi-Model Manager')
    .setDescription('One place to register any HTTP inference service by data alone, and to call it through.')
    .setVersion(VERSION)
    .addSecurity('bearer', { type: 'http', scheme: 'bearer' })
    .addSecurity('x-api-key', { type: 'apiKey', in: 'header', name: 'x-api-key' })
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('x-api-key')
    .build();
  const extraModels = [...INFERENCE_MODELS, NativeErrorDto, OpenAiErrorDto];
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
  nameModels(document);
  for (const [path, { get, post, put, patch, delete: remove }] of Object.entries(document.paths))
    for (const operation of [get, post, put, patch, remove]) {
      if (operation === undefined) continue;
      if (isNativePath(path)) operation.tags = ['Native API'];
      if (PROBES.includes(path)) operation.security = [];
      else
        operation.responses['default'] = answer(
          'An error',
          isNativePath(path) ? NativeErrorDto : OpenAiErrorDto,
        );
    }
  const metrics = document.paths['/metrics']?.get;
  if (metrics !== undefined)
    metrics.responses['200'] = {
      description: 'The metrics',
      content: { 'text/plain': { schema: { type: 'string' } } },
    };
  describeWorkers(document);
  describeInference(document);
  return document;
}

function describeWorkers({ paths, components }: OpenAPIObject): void {
  const [all, one] = [paths['/api/v1/workers'], paths['/api/v1/workers/{id}']];
  if (all?.put !== undefined) all.put.responses['201'] = answer('The worker is new', WorkerDto);
  for (const operation of [one?.patch, one?.delete])
    for (const parameter of operation?.parameters ?? [])
      if ('name' in parameter && parameter.name === 'if-match')
        Object.assign(parameter, {
          name: 'If-Match',
          required: false,
          description: 'The ETag of the version that the change is based on: 412 if there is a newer one.',
        });
  const sent = one?.patch?.requestBody;
  if (sent !== undefined && 'content' in sent)
    sent.content = { ...sent.content, ...json(PatchWorkerDto, 'application/merge-patch+json') };
  const patch = components?.schemas?.[PatchWorkerDto.name];
  if (patch === undefined || '$ref' in patch) return;
  // In a merge patch, null resets a field.
  for (const [field, schema] of Object.entries(patch.properties ?? {}))
    patch.properties = {
      ...patch.properties,
      [field]: '$ref' in schema ? { allOf: [schema], nullable: true } : { ...schema, nullable: true },
    };
}

/** Names of models may contain `/`, so their routes end in a wildcard, which has no name. */
function nameModels({ paths }: OpenAPIObject): void {
  for (const [path, item] of Object.entries(paths)) {
    if (!path.endsWith('/{path}')) continue;
    delete paths[path];
    paths[path.replace(/\{path\}$/, '{name}')] = item;
    for (const { parameters } of [item.get, item.put, item.delete].filter(
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
