/** One bad variable: what was given (unless it is a secret) and what is accepted. */
export interface ConfigurationFault {
  readonly variable: string;
  readonly problem: string;
}

/** Everything that is wrong with the environment, at once. `main` ends with exit code 78 (EX_CONFIG of sysexits.h). */
export class ConfigurationError extends Error {
  static readonly exitCode = 78;

  /** @param logFormat in which the fault is reported; `null`: not even that could be read */
  constructor(
    readonly faults: readonly ConfigurationFault[],
    readonly logFormat: 'json' | 'pretty' | null = null,
  ) {
    super(
      `The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n` +
        faults.map((fault) => `  ${fault.variable}: ${fault.problem}`).join('\n'),
    );
    this.name = 'ConfigurationError';
  }
}
