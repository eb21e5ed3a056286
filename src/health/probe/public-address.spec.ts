import { describe, expect, it } from 'vitest';
import { isPublicAddress } from './probe-result.js';

describe('isPublicAddress', () => {
  it.each(['8.8.8.8', '::ffff:8.8.8.8', '2606:4700:4700::1111'])('%s is public', (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    '127.0.0.1',
    '10.1.2.3',
    '::ffff:10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '100.64.0.1',
    '::1',
    'fd00::1',
    'worker',
    undefined,
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });
});
