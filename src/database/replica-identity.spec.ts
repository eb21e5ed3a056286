import { expect, it } from 'vitest';
import { applicationName } from './replica-identity.js';

const ID = '7195b24d-5db3-4f40-8c9a-5eba5c9a5eba';

it('an application name begins with the short id of the replica, and holds what the connection is for and the host', () => {
  expect(applicationName('pool', ID, 'vm')).toBe('mmm 7195b24d pool vm');
  expect(applicationName('migrate', undefined, 'vm')).toBe('mmm migrate vm');
});

it('an application name is at most 63 bytes long, whatever the host is called', () => {
  const name = applicationName('migrate-lock', ID, 'modèle.'.repeat(20));
  expect(Buffer.byteLength(name)).toBe(63);
  expect(name).toMatch(/^mmm 7195b24d migrate-lock mod\?le\./);
});

it('the name of a pod of a deployment fits whole', () => {
  const pod = 'multi-model-manager-7d9f8b6c5d-x2x4z';
  expect(applicationName('migrate-lock', ID, pod)).toContain(pod);
});
