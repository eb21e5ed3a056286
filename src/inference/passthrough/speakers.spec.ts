import { describe, expect, it } from 'vitest';
import type { Worker, WorkerTask } from '../../registry/worker.js';
import type { Dialect, RawBody } from '../request/inference-request.js';
import { leaveSpeakers } from './speakers.js';

interface Some {
  readonly protocol?: string;
  readonly task?: WorkerTask;
  readonly adminState?: Worker['adminState'];
}

const worker = (id: string, { protocol, task = 'chat', adminState = 'enabled' }: Some): Worker =>
  ({
    id,
    task,
    adminState,
    call: protocol === undefined ? { kind: 'template' } : { kind: 'api', protocol },
  }) as unknown as Worker;

function left(
  dialect: Dialect | null,
  workers: Readonly<Record<string, Some>>,
  tried: readonly string[] = [],
  task: WorkerTask | null = 'chat',
) {
  const raw = dialect === null ? null : ({ dialect } as RawBody);
  const done = new Set(tried);
  const all = Object.entries(workers).map(([id, some]) => worker(id, some));
  const isAny = leaveSpeakers({ raw, task }, all, done);
  return { isAny, left: Object.keys(workers).filter((id) => !done.has(id)) };
}

const ALL = { a: {}, b: { protocol: 'gemini' }, c: { protocol: 'openai' }, d: { protocol: 'anthropic' } };

describe('whoever takes a request as it is', () => {
  it('speaks the caller’s language', () => {
    expect(left('anthropic', ALL)).toEqual({ isAny: true, left: ['d'] });
    expect(left('openai', ALL)).toEqual({ isAny: true, left: ['c'] });
  });

  it('is nobody for words of our own, nor where all were tried', () => {
    expect(left(null, ALL)).toEqual({ isAny: false, left: [] });
    expect(left('anthropic', ALL, ['d'])).toEqual({ isAny: false, left: [] });
  });

  it('does what is asked for, too', () => {
    expect(left('openai', ALL, [], 'embedding')).toEqual({ isAny: false, left: [] });
    expect(left('openai', ALL, [], null)).toEqual({ isAny: true, left: ['c'] });
    const embedding = { e: { protocol: 'openai', task: 'embedding' } } as const;
    expect(left('openai', embedding, [], 'embedding')).toEqual({ isAny: true, left: ['e'] });
  });

  it('is switched on, and a definition that makes no sense speaks nothing', () => {
    const off = { d: { protocol: 'anthropic', adminState: 'disabled' } } as const;
    expect(left('anthropic', off).isAny).toBe(false);
    const faulty = { ...worker('x', {}), call: { fault: 'nonsense' } };
    expect(leaveSpeakers({ raw: { dialect: 'openai' } as RawBody, task: null }, [faulty], new Set())).toBe(
      false,
    );
  });
});
