import { fieldsOf, isJsonObject } from '../../input/dto.js';
import { given } from '../../input/given.js';
import { InvalidInputError } from '../../input/invalid-input-error.js';
import { RegisterWorkerDto } from '../registration/register-worker.dto.js';

const SWITCH = 'is changed by POST to /enable, /disable, /drain or /offline of the worker; leave it out';
const KEPT_BY_SERVICE = 'is kept by this service; leave it out';

/** What a view shows and no patch may hold. */
const READ_ONLY: Readonly<Record<string, string>> = {
  id: KEPT_BY_SERVICE,
  admin_state: SWITCH,
  admin_state_since: SWITCH,
  admin_state_by: SWITCH,
  health: KEPT_BY_SERVICE,
  health_reason: KEPT_BY_SERVICE,
  health_since: KEPT_BY_SERVICE,
  in_flight: KEPT_BY_SERVICE,
  ejected_until: KEPT_BY_SERVICE,
  generation: 'rises with every change; to change one generation only, send it as If-Match',
  created_at: KEPT_BY_SERVICE,
  updated_at: KEPT_BY_SERVICE,
};

/** The members of a patch; their values are checked when they are merged. @throws InvalidInputError */
export function checkPatch(sent: unknown): Readonly<Record<string, unknown>> {
  if (!isJsonObject(sent))
    throw new InvalidInputError([{ field: '', problem: `the body must be a JSON object${given(sent)}` }]);
  const known = fieldsOf(RegisterWorkerDto);
  const faults = Object.keys(sent)
    .filter((field) => !known.has(field))
    .map((field) => ({
      field,
      problem: (Object.hasOwn(READ_ONLY, field) && READ_ONLY[field]) || 'is not a field here; leave it out',
    }));
  if (faults.length > 0) throw new InvalidInputError(faults);
  return sent;
}
