import { getMetadataArgsStorage } from 'typeorm';
import { describe, expect, it } from 'vitest';
import type { RegisterWorkerDto } from './register-worker.dto.js';
import { definitionOf, FIELDS, registrationOf } from './worker-fields.js';
import { WorkerEntity } from './worker.entity.js';

const columns = getMetadataArgsStorage().columns.filter(({ target }) => target === WorkerEntity);
const minimal = { model_name: 'm', req_url_template: 'http://h/' } satisfies RegisterWorkerDto;

describe('FIELDS', () => {
  it('has the default that the table has, for rows inserted in SQL', () => {
    for (const [name, field] of Object.entries(FIELDS)) {
      if (!('default' in field)) continue;
      const inTable = columns.find(({ propertyName }) => propertyName === name)?.options.default;
      expect([name, inTable ?? null]).toEqual([name, field.default]);
    }
  });
});

describe('definitionOf', () => {
  it('sets every column of a definition, to its default if the field is left out', () => {
    const definition = definitionOf(minimal, {});
    expect(definition).toMatchObject({
      model_name: 'm',
      weight: 1,
      labels: {},
      header: null,
      total_ms: null,
    });
    expect(Object.values(definition)).not.toContain(undefined);
  });

  it('drops options without a value, and stores null if none is left', () => {
    const { defaults, health_check, stream_extract } = definitionOf(
      {
        ...minimal,
        defaults: { temperature: 1, max_tokens: null as unknown as number },
        health_check: {},
        stream_extract: { text: 'a', done: { path: 'end', equals: null }, usage: {} as never },
      },
      {},
    );
    expect([defaults, health_check]).toEqual([{ temperature: 1 }, null]);
    expect(stream_extract).toEqual({ text: 'a', done: { path: 'end', equals: null } });
  });
});

describe('registrationOf', () => {
  it('is the registration that makes the same definition, without headers', () => {
    const sent = { ...minimal, weight: 5, timeouts: { total_ms: 7 }, defaults: { temperature: 1 } };
    const definition = definitionOf(sent, { accept: 'x' });
    const registration = registrationOf(definition as WorkerEntity);
    expect(registration).not.toHaveProperty('header');
    expect(definitionOf(registration as unknown as RegisterWorkerDto, { accept: 'x' })).toEqual(definition);
  });
});
