import type { SuccessWhen } from '../worker.js';

/** The upstream answered in time and in form, and its own answer says that it failed (`success_when`). */
export class UnsuccessfulAnswerError extends Error {
  constructor(rule: SuccessWhen) {
    super(`its answer says that it failed: ${rule.path} is not ${JSON.stringify(rule.equals)}`);
    this.name = 'UnsuccessfulAnswerError';
  }
}
