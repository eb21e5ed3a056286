import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { format, resolveConfig } from 'prettier';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROOT, ServiceProcess } from './process.js';

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: object }>>;
  readonly requestBody?: { readonly content: object };
  readonly security?: readonly object[];
}

interface Document {
  readonly openapi: string;
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly properties?: object }>>;
    readonly securitySchemes: object;
  };
  readonly security: readonly Readonly<Record<string, unknown>>[];
}

/** The built service, because a build plugin creates the schemas. They need no database. */
const ENVIRONMENT = { PORT: '0', LOG_FORMAT: 'json', DATABASE_URL: 'postgres://127.0.0.1:1/nowhere' };

let service: ServiceProcess;
let document: Document;
beforeAll(async () => {
  const main = join(ROOT, 'dist/src/main.js');
  service = new ServiceProcess(spawn(process.execPath, [main], { env: ENVIRONMENT }));
  await service.listening();
  document = (await service.get('/openapi.json')).json as Document;
});
afterAll(() => service.stop('SIGKILL'));

const operationsOf = ({ paths }: Document) =>
  Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );

/** `POST` to a list creates. */
const isMade = (method: string, path: string) =>
  method === 'post' && ['/api/v1/workers', '/api/v1/keys'].includes(path);

describe('/openapi.json', () => {
  it('equals docs/openapi.json (npm test -- --update renews the file)', async () => {
    const file = join(ROOT, 'docs/openapi.json');
    const shown = await format(JSON.stringify(document), {
      ...(await resolveConfig(file)),
      parser: 'json',
    });
    await expect(shown).toMatchFileSnapshot(file);
  });

  it('is valid OpenAPI: every reference resolves, every operation has an id and answers', async () => {
    expect(document.openapi).toMatch(/^3\.1\.\d$/);
    // Of two schemas with one name, the second would replace the first.
    expect(service.log.filter(({ msg }) => String(msg).includes('Duplicate'))).toEqual([]);
    expect(document.info).toMatchObject({ title: 'Multi-Model Manager', version: /./.exec('0.1.0')?.input });
    const operations = operationsOf(document);
    expect(new Set(operations.map(({ operation }) => operation.operationId)).size).toBe(operations.length);
    for (const { path, method, operation } of operations) {
      expect(['get', 'post', 'put', 'patch', 'delete']).toContain(method);
      expect(path).toMatch(/^\/[\w/.{}-]*$/);
      expect(Object.keys(operation.responses).length).toBeGreaterThan(0);
      for (const [status, response] of Object.entries(operation.responses)) {
        expect(status).toMatch(/^([1-5]\d\d|[45]XX)$/);
        expect(response.description).toBeTypeOf('string');
      }
    }
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)];
    expect(references.length).toBeGreaterThan(10);
    for (const [, name = ''] of references) expect(document.components.schemas).toHaveProperty(name);
    for (const requirement of document.security)
      expect(document.components.securitySchemes).toMatchObject(
        Object.fromEntries(Object.keys(requirement).map((name) => [name, {}])),
      );
  });

  it('has a schema with fields for every request and answer', async () => {
    const { schemas } = document.components;
    for (const name of [
      'RegisterWorkerDto',
      'OfflineWorkerDto',
      'NativeChat',
      'NativeAnswer',
      'WorkerListDto',
    ])
      expect(Object.keys(schemas)).toContain(name);
    for (const [name, schema] of Object.entries(schemas))
      // Of an answer that passes through nothing is known.
      expect([name, name === 'PassedAnswer' || Object.keys(schema.properties ?? {}).length > 0]).toEqual([
        name,
        true,
      ]);
    for (const { path, method, operation } of operationsOf(document)) {
      if (!path.startsWith('/api/')) continue;
      const { requestBody, responses } = operation;
      const bodiless =
        method === 'get' ||
        method === 'delete' ||
        /\{id\}\/(?!rotate|enable|disable|drain|offline)\w+$/.test(path);
      expect([path, method, requestBody === undefined]).toEqual([path, method, bodiless]);
      const isGone = method === 'delete' && !path.startsWith('/api/v1/jobs');
      const done = isGone ? { 204: {} } : { [isMade(method, path) ? 201 : 200]: { content: {} } };
      expect([path, method, responses]).toMatchObject([
        path,
        method,
        { ...done, '4XX': { content: {} }, '5XX': { content: {} } },
      ]);
    }
  });

  it('accepts and rejects the same bodies as the service', async () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false }).addSchema(document, 'openapi');
    const accepts = (worker: object) =>
      ajv.validate({ $ref: 'openapi#/components/schemas/RegisterWorkerDto' }, worker);
    const [curl = ''] = /(?<=-d ')\{[^]*?(?=' http)/.exec(
      readFileSync(join(ROOT, 'test/fixtures/seed-document.txt'), 'utf8'),
    ) ?? [''];
    const worker = JSON.parse(curl) as object;
    for (const more of [
      {},
      {
        defaults: { temperature: 0.5 },
        timeouts: { total_ms: 1000 },
        success_when: { path: 'ok', equals: true },
      },
      { header: { a: 'b' }, labels: { a: 'b' }, req_param: { a: 1 }, weight: 5 },
      { preset: 'vllm', base_url: 'http://127.0.0.1:9', api_key: 'k' },
      { success_when: { path: 'code', in: [1, null] }, choices: { N: [1, 2], SIZE: { '512x512': 's' } } },
      { defaults: { size: '512x512', seed: 'random', n: 2 }, body_format: 'multipart' },
      {
        poll: {
          keep: { ID: 'id' },
          status: { url: '/t/{ID}', header: { a: 'b' } },
          state: [
            { path: 'a', done: 'any' },
            { path: 'b', running: [null, 'x', 1, true] },
          ],
          result: { as: 'url', extract: ['a', 'b'] },
          cancel: [{ method: 'DELETE', url: '/t/{ID}' }],
        },
      },
    ])
      expect([more, accepts({ ...worker, ...more })]).toEqual([more, true]);
    for (const more of [
      { model_name: undefined },
      { model_name: '' },
      { weight: 0 },
      { weight: 1.5 },
      { weigth: 1 },
      { timeouts: { total: 1 } },
      { health_check: { expected_status: 199 } },
      { req_type: 'PUT' },
      { defaults: { temperature: 3 } },
      { header: { a: 1 } },
      { body: 'text' },
      { poll: { status: { url: '/t' }, state: { path: 'a', done: ['x'] } } },
      { poll: { status: { url: '/t' }, state: { path: 'a', done: 'x' }, result: { as: 'url' } } },
      { defaults: { seed: 'no' } },
    ])
      expect([more, accepts(JSON.parse(JSON.stringify({ ...worker, ...more })) as object)]).toEqual([
        more,
        false,
      ]);
  });

  it('describes only existing routes and marks those that need no key', async () => {
    const open = [];
    for (const { path, method, operation } of operationsOf(document)) {
      // Without an id the route would be unknown.
      const url = service.url + path.replace('{id}', randomUUID());
      const response = await fetch(url, { method: method.toUpperCase() });
      const { status } = response;
      // An unknown model is not an unknown path.
      // Such a stream has no end.
      const text = path === '/api/v1/changes' ? void response.body?.cancel() : await response.text();
      expect([method, path, text]).not.toEqual([method, path, expect.stringContaining('no such path')]);
      expect([method, path, status]).not.toEqual([method, path, 405]);
      if (operation.security?.length === 0) open.push(path);
    }
    expect(new Set(open)).toEqual(new Set(['/livez', '/readyz', '/health']));
  });
});

describe('/docs', () => {
  it('serves its page from local files only', async () => {
    const page = await fetch(`${service.url}/docs`);
    const html = await page.text();
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html']);
    expect(page.headers.get('content-security-policy')).toContain("default-src 'self'");
    expect(page.headers.get('content-security-policy')).not.toContain('upgrade-insecure-requests');
    const assets = [...html.matchAll(/(?:src|href)="([^"#]+)"/g)].map(([, address = '']) => address);
    expect(assets.length).toBeGreaterThanOrEqual(4);
    for (const address of assets) {
      expect(address).toMatch(/^\.\/docs\//);
      const asset = await fetch(new URL(address, `${service.url}/docs`));
      expect([address, asset.status, (await asset.text()).length > 100]).toEqual([address, 200, true]);
    }
    const script = await (await fetch(`${service.url}/docs/swagger-ui-init.js`)).text();
    expect(script).toContain('/api/server/register');
    // Otherwise Swagger UI loads a badge from validator.swagger.io.
    expect(script).toMatch(/"validatorUrl": *null/);
    expect((html + script).match(/https?:\/\/(?!www\.w3\.org\/)[^\s"'<]+/g) ?? []).toEqual([]);
  });
});
