import { expect, it } from 'vitest';
import { DEFAULT_ADMISSION_LIMITS } from '../balancing/admission/admission.js';
import { DEFAULT_RETRY_LIMITS } from '../balancing/admission/retry-budget.js';
import { DEFAULT_STATS_LIMITS } from '../balancing/pool/stats-limits.js';
import { readEnvironment } from './environment.js';

it('balances by default with the numbers that the simulation proves', () => {
  expect(readEnvironment({}).balancing).toEqual({
    strategy: 'least_load',
    stats: DEFAULT_STATS_LIMITS,
    admission: DEFAULT_ADMISSION_LIMITS,
    retry: DEFAULT_RETRY_LIMITS,
  });
});
