import type { Reporter, TestModule } from 'vitest/node';

/** Prints the cases that passed only when they were repeated. It fails nothing: it keeps them from being overlooked. */
export default class RetryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const retried = modules.flatMap((module) =>
      [...module.children.allTests()].filter((test) => (test.diagnostic()?.retryCount ?? 0) > 0),
    );
    const lines = retried.map((test) => `  ${test.module.relativeModuleId}: ${test.fullName}\n`);
    if (lines.length > 0) process.stdout.write(`\nRepeated cases: ${lines.length}\n${lines.join('')}`);
  }
}
