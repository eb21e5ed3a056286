import { describe, expect, it } from 'vitest';
import type { Worker, WorkerTask } from '../../registry/worker.js';
import { type ChoicesSpec, compileChoices } from '../../template/choices.js';
import { UnsupportedFieldError } from '../chat/chat-errors.js';
import { excludeIncapable, withToolModels } from './capability.js';

interface Some {
  readonly protocol?: string;
  readonly task?: WorkerTask;
  readonly placeholders?: readonly string[];
  readonly requires?: string;
  readonly choices?: ChoicesSpec;
  readonly adminState?: Worker['adminState'];
}

const worker = (
  id: string,
  {
    protocol,
    task = 'chat',
    placeholders = ['USER_PROMPT'],
    requires,
    choices,
    adminState = 'enabled',
  }: Some,
): Worker =>
  ({
    id,
    task,
    adminState,
    call:
      protocol === undefined
        ? {
            kind: 'template',
            placeholders: new Set(placeholders),
            requires: requires ?? null,
            choices: compileChoices(choices ?? null),
          }
        : { kind: 'api', protocol },
  }) as unknown as Worker;

function left(workers: Readonly<Record<string, Some>>, ...tried: readonly string[]) {
  const done = new Set(tried);
  const all = Object.entries(workers).map(([id, some]) => worker(id, some));
  const isAny = excludeIncapable(all, done);
  return { isAny, left: Object.keys(workers).filter((id) => !done.has(id)) };
}

describe('another worker may serve the request', () => {
  it('if it speaks another protocol', () => {
    const all = {
      a: {},
      b: {},
      c: { protocol: 'gemini' },
      d: { protocol: 'gemini' },
      e: { protocol: 'openai' },
    };
    expect(left(all, 'a')).toEqual({ isAny: true, left: ['c', 'd', 'e'] });
    expect(left(all, 'a', 'b', 'd')).toEqual({ isAny: true, left: ['e'] });
    expect(left(all, 'a', 'b', 'c', 'd', 'e')).toEqual({ isAny: false, left: [] });
  });

  it('if its template has further placeholders', () => {
    const all = { a: {}, b: { placeholders: ['MESSAGES'] }, c: { placeholders: ['MESSAGES'] } };
    expect(left(all, 'a')).toEqual({ isAny: true, left: ['b', 'c'] });
    expect(left(all, 'a', 'b')).toEqual({ isAny: false, left: [] });
  });

  it('if it takes requests without the value that its template requires', () => {
    const all = { a: { requires: 'INPUT_IMAGE' }, b: { requires: 'INPUT_IMAGE' }, c: {} };
    expect(left(all, 'a')).toEqual({ isAny: true, left: ['c'] });
  });

  it('if it takes other values', () => {
    const all = { a: { choices: { N: [1] } }, b: { choices: { N: [1] } }, c: { choices: { N: [1, 2] } } };
    expect(left(all, 'a')).toEqual({ isAny: true, left: ['c'] });
  });

  it('if it serves another task', () => {
    const all = { a: { protocol: 'openai' }, b: { protocol: 'openai', task: 'embedding' } } as const;
    expect(left(all, 'a')).toEqual({ isAny: true, left: ['b'] });
  });

  it('only if it is enabled and its definition is valid', () => {
    expect(left({ a: {}, b: { protocol: 'openai', adminState: 'disabled' } }, 'a').isAny).toBe(false);
    const faulty = { ...worker('x', {}), call: { fault: 'nonsense' } } as unknown as Worker;
    expect(excludeIncapable([worker('a', {}), faulty], new Set(['a']))).toBe(false);
  });
});

describe('withToolModels', () => {
  const model = (name: string, workers: readonly Worker[]) => ({ name, workers });
  const error = new UnsupportedFieldError('tools', 'this model calls none');
  const problemOf = (...models: readonly ReturnType<typeof model>[]) =>
    (withToolModels(error, () => models) as Error).message;

  it('names the models whose workers have an API, are enabled and chat', () => {
    const able = model('able', [worker('a', {}), worker('b', { protocol: 'openai' })]);
    const others = [
      model('template', [worker('c', {})]),
      model('disabled', [worker('d', { protocol: 'openai', adminState: 'disabled' })]),
      model('embeds', [worker('e', { protocol: 'openai', task: 'embedding' })]),
    ];
    expect(problemOf(...others, able)).toBe('tools: this model calls none; models that call tools: able');
    expect(problemOf(...others)).toBe('tools: this model calls none; no model here calls tools');
  });

  it('names five at most, and leaves other errors as they are', () => {
    const many = Array.from({ length: 7 }, (_, at) => model(`m${at}`, [worker('w', { protocol: 'gemini' })]));
    expect(problemOf(...many)).toContain('models that call tools: m0, m1, m2, m3, m4, …');
    const other = new UnsupportedFieldError('n', 'must be 1');
    expect(withToolModels(other, () => [])).toBe(other);
  });
});
