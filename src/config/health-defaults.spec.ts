import { expect, it } from 'vitest';
import { DEFAULT_HEALTH_LIMITS } from '../health/evaluation/health-state.js';
import { readEnvironment } from './environment.js';

it('judges by default with the numbers that the simulation proves', () => {
  const { isOwners: _isOwners, reportMs: _reportMs, ...limits } = DEFAULT_HEALTH_LIMITS;
  expect(readEnvironment({}).health).toMatchObject({ ...limits, brakeShare: 0.3, intervalMs: 5_000 });
});
