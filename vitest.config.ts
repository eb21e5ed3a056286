import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    projects: [
      // A law is thousands of cases, and machines are busy: none is meant to be timed.
      { test: { name: 'unit', include: ['src/**/*.spec.ts', 'bench/**/*.spec.ts'], testTimeout: 60_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.spec.ts'],
          globalSetup: 'test/global-setup.ts',
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
