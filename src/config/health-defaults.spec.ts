import { expect, it } from 'vitest';
import { DEFAULT_HEALTH_LIMITS } from '../health/evaluation/health-state.js';
import { readEnvironment } from './environment.js';

it('evaluates health by default with the limits that the simulation uses', () => {
  const { isOwners: _isOwners, ...limits } = DEFAULT_HEALTH_LIMITS;
  expect(readEnvironment({}).health).toMatchObject(limits);
});
