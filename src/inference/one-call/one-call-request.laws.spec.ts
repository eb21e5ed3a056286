import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ROOT } from '../../access/caller.js';
import { NO_TENANT } from '../../balancing/admission/tenant.js';
import type { JobInput } from '../../jobs/job.js';
import { fieldsOfForm } from '../apis/jobs/form-body.js';
import { deadlineOf } from '../client/request-headers.js';
import { oneCallRequest } from './one-call-request.js';

const PNG = 'data:image/png;base64,iVBORw0KGgo=';

function rawOf(input: Partial<JobInput>, modelName = 'm') {
  const job = {
    id: 'j',
    modelName,
    kind: 'image' as const,
    priority: 'default' as const,
    ownerKey: '',
    tenant: '',
    requestId: 'r',
    input: { prompt: 'x', messages: [], ...input },
  };
  return oneCallRequest(job, deadlineOf({}, 1000), ROOT, NO_TENANT).raw;
}

describe("a job's one call", () => {
  it('is the JSON that a client would have sent', () => {
    const raw = rawOf({ prompt: 'a cat', n: 2, size: '1x1', extra: { style: 'vivid' } });
    expect(raw).toMatchObject({ path: '/images/generations', contentType: 'application/json' });
    expect(JSON.parse(raw?.bytes.toString() ?? '')).toEqual({
      model: 'm',
      prompt: 'a cat',
      n: 2,
      size: '1x1',
      style: 'vivid',
    });
  });

  it('is the form of an edit where it has images', () => {
    const raw = rawOf({ images: [PNG, PNG], mask: PNG, n: 1, extra: { background: 'auto' } });
    expect(raw?.path).toBe('/images/edits');
    expect(fieldsOfForm(raw?.contentType ?? '', raw?.bytes ?? Buffer.alloc(0))).toEqual({
      model: 'm',
      prompt: 'x',
      n: '1',
      background: 'auto',
      image: [PNG, PNG],
      mask: PNG,
    });
    expect(rawOf({ images: ['https://pictures.example/cat.png'] })).toBeNull();
  });

  it('names its model where the bytes say, whatever its name and prompt hold', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, maxLength: 200 }),
        fc.string(),
        fc.boolean(),
        (name, prompt, isEdit) => {
          fc.pre(!/[\r\n]/.test(name) && name.isWellFormed());
          const raw = rawOf({ prompt, ...(isEdit ? { images: [PNG] } : {}) }, name);
          const { start, end } = raw?.model ?? { start: 0, end: 0 };
          const named = raw?.bytes.toString('utf8', start, end) ?? '';
          expect(raw?.spelled === 'json' ? JSON.parse(named) : named).toBe(name);
        },
      ),
    );
  });
});
