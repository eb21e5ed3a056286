import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    maxWorkers: '100%',
    projects: [
      // A law is thousands of cases, and machines are busy: none is meant to be timed.
      // They share no state, so their files may share a process: three times as quick.
      {
        test: {
          name: 'unit',
          include: ['src/**/*.spec.ts', 'bench/**/*.spec.ts'],
          isolate: false,
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/**/*.spec.ts'],
          globalSetup: 'test/global-setup.ts',
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // On busy machines something can be late once; what fails twice is broken.
          retry: 1,
        },
      },
    ],
  },
});
