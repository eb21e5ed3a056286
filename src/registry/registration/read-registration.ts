import { type InputFault, InvalidInputError } from '../../input/input-errors.js';
import { describeValue, isJsonObject } from '../../input/json.js';
import { readDto } from '../../input/read-dto.js';
import { compileParts } from '../calls/call-parts.js';
import { pollOf } from '../calls/poll/poll-of-definition.js';
import { expandPreset } from '../presets/presets.js';
import { RegisterWorkerDto } from '../register-worker.dto.js';
import { definitionOf } from '../worker-fields.js';

interface Read {
  readonly dto: RegisterWorkerDto;
  readonly faults: readonly InputFault[];
}

/** A registration as a client sends it: its preset is expanded, then its fields are checked. @throws InvalidInputError */
export function readRegistration(sent: unknown): RegisterWorkerDto {
  return validOf(readWithPreset(sent));
}

/** Every fault that `readRegistration` would throw. */
export function faultsOfRegistration(sent: unknown): readonly InputFault[] {
  return readWithPreset(sent).faults;
}

/** A registration without a preset. @throws InvalidInputError */
export function readDefinition(registration: Readonly<Record<string, unknown>>): RegisterWorkerDto {
  return validOf(read(registration));
}

function readWithPreset(sent: unknown): Read {
  if (!isJsonObject(sent)) {
    const problem = `the body must be a JSON object${describeValue(sent)}`;
    throw new InvalidInputError([{ field: '', problem }]);
  }
  const { registration, faults } = expandPreset(sent);
  const { dto, faults: own } = read(registration);
  if (faults.length === 0) return { dto, faults: own };
  // Without its preset a registration lacks the URL that the preset would have made.
  const others = own.filter(({ field }) => field !== 'req_url_template' || Object.hasOwn(sent, field));
  return { dto, faults: [...faults, ...others] };
}

/** Compiles the parts only if there are faults of shape, to list all faults at once; a valid registration is compiled later, once. */
function read(registration: Readonly<Record<string, unknown>>): Read {
  const { dto, faults } = readDto(RegisterWorkerDto, registration);
  if (faults.length === 0) return { dto, faults };
  const faulty = new Set(faults.map(({ field }) => field.split('.', 1).join()));
  const definition = definitionOf(dto, {});
  const parts = compileParts(definition, dto.header ?? {}, faulty);
  const poll = faulty.has('poll')
    ? []
    : pollOf(definition, parts, dto.header ?? {}, () => '', NO_TIMEOUTS).faults;
  return { dto, faults: [...faults, ...parts.faults, ...poll] };
}

/** Nothing is called. */
const NO_TIMEOUTS = { connectMs: 0, firstByteMs: null, idleMs: null, totalMs: 0 };

function validOf({ dto, faults }: Read): RegisterWorkerDto {
  if (faults.length > 0) throw new InvalidInputError(faults);
  return dto;
}
