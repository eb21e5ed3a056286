import { randomUUID } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { jobValues } from '../../src/jobs/job-values.js';
import { compileCall } from '../../src/registry/calls/worker-compiler.js';
import { LONG_WORK_PRESETS } from '../../src/registry/presets/presets.js';
import { readRegistration } from '../../src/registry/registration/read-registration.js';
import type { TemplateCall } from '../../src/registry/worker.js';
import { definitionOf } from '../../src/registry/worker-fields.js';
import { StandIn } from '../fakes/long-work/stand-in.js';
import type { Vendor } from '../fakes/long-work/vendor.js';
import { VENDORS } from '../fakes/long-work/vendors.js';

const waits = {
  requestTimeoutMs: 600_000,
  connectTimeoutMs: 2000,
  firstByteTimeoutMs: 300_000,
  idleTimeoutMs: 120_000,
  streamHeartbeatMs: 15_000,
  defaultModel: null,
};

/** What a client requests to get each choice: seconds, or a size of this shorter side or ratio. */
const REQUESTS: Readonly<Record<string, (choice: string) => Readonly<Record<string, string | number>>>> = {
  SECONDS: (choice) => ({ seconds: Number(choice) }),
  RESOLUTION: (choice) => ({
    size: `${Math.round((Number.parseInt(choice, 10) * 16) / 9)}x${Number.parseInt(choice, 10)}`,
  }),
  ASPECT_RATIO: (choice) => {
    const [wide = 1, high = 1] = choice.split(':').map(Number);
    // 720 is a shorter side that each vendor takes, or turns into what it takes.
    const unit = 720 / Math.min(wide, high);
    return { size: `${Math.round(wide * unit)}x${Math.round(high * unit)}` };
  },
};

const choosing = Object.entries(LONG_WORK_PRESETS).flatMap(([name, { defaults, example }]) => {
  const choices = (defaults['choices'] ?? {}) as Readonly<Record<string, readonly unknown[] | object>>;
  return Object.entries(choices).flatMap(([placeholder, taken]) =>
    (Array.isArray(taken) ? taken.map(String) : Object.keys(taken)).map((choice) => ({
      name,
      example,
      placeholder,
      choice,
    })),
  );
});

describe.each(choosing)(
  'the preset $name with $placeholder $choice',
  ({ name, example, placeholder, choice }) => {
    it('sends what its vendor takes', async () => {
      const standIn = await StandIn.start(VENDORS[name] as Vendor, name);
      const { pathname } = new URL(example.base_url ?? 'http://any');
      const base_url = standIn.url + pathname.replace(/\/$/, '');
      const call = compiled({ preset: name, ...example, base_url, api_key: standIn.key });
      const input = { prompt: 'a cat', messages: [], ...REQUESTS[placeholder]?.(choice) };
      const { defaults } = call;
      const values = jobValues({ modelName: 'm', defaults, call: call.template }, input, {
        id: randomUUID(),
        requestId: 'r',
      });
      const { origin, path, method, headers, body } = call.template.render(values, {});
      await fetch(origin + path, { method, headers, body: body as string });
      expect({ faults: standIn.faults, taken: standIn.submitsOf('a cat') }).toEqual({ faults: [], taken: 1 });
      await standIn.close();
    });
  },
);

function compiled(sent: Readonly<Record<string, unknown>>) {
  const registration = readRegistration(sent);
  const call = compileCall(
    definitionOf(registration, {}),
    registration.header ?? {},
    () => (name) => name,
    waits,
  );
  if (call.kind !== 'template') throw new Error('no template');
  return { template: call satisfies TemplateCall, defaults: registration.defaults ?? {} };
}
