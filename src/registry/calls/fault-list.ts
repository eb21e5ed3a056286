import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { TemplateError } from '../../template/template-error.js';

/** The faults of a definition, all of which are reported at once. */
export class FaultList {
  readonly faults: InputFault[] = [];

  add(field: string, problem: string): void {
    this.faults.push({ field, problem });
  }

  /** What `compile` returns; `null`: it has faults, which are listed now. */
  attempt<Result>(compile: () => Result): Result | null {
    try {
      return compile();
    } catch (error) {
      if (error instanceof TemplateError) this.add(error.field, error.problem);
      else if (error instanceof InvalidInputError) this.faults.push(...error.details);
      else throw error;
      return null;
    }
  }
}
