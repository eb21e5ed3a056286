import type { Reporter, TestModule } from 'vitest/node';

/** Prints the tests that passed only when they were repeated, so that they are not overlooked. It fails no run. */
export default class RetryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const retried = modules.flatMap((module) =>
      [...module.children.allTests()].filter((test) => (test.diagnostic()?.retryCount ?? 0) > 0),
    );
    const lines = retried.map((test) => `  ${test.module.relativeModuleId}: ${test.fullName}\n`);
    if (lines.length > 0) process.stdout.write(`\nRepeated cases: ${lines.length}\n${lines.join('')}`);
  }
}
