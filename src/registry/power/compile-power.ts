import type { SecretLookup } from '../../template/placeholders.js';
import type { UpstreamTimeouts } from '../../upstream/timeouts.js';
import { compileStep, type PollStep } from '../calls/poll/poll-step.js';
import { FaultList, stepVocabulary } from '../calls/poll/poll-vocabulary.js';
import { InvalidInputError } from '../../input/input-errors.js';
import type { WorkerDefinition } from '../worker-fields.js';
import {
  type PowerLookSpec,
  type PowerRequestSpec,
  originOfUrl,
  powerRequestsOf,
  type WakeSpec,
  type SleepSpec,
} from './power.dto.js';
import type { PowerCalls, PowerLook } from './power.js';

/** Of a request that wakes: some servers answer once they are awake. */
const REQUEST_TIMEOUT_MS = 60_000;
/** Of a look: the next one follows a second later. */
const LOOK_TIMEOUT_MS = 5_000;
const CONNECT_TIMEOUT_MS = 5_000;
const DEFAULT_WAKE_TIMEOUT_S = 180;
/** Placeholders of the requests. */
const KNOWN: ReadonlySet<string> = new Set(['MODEL_NAME', 'REQUEST_ID']);

export type PowerDefinition = Pick<
  WorkerDefinition,
  'model_name' | 'req_url_template' | 'wake' | 'sleep' | 'asleep_when'
> & { readonly poll?: unknown };

/**
 * The parts of a definition that wake its worker and send it to sleep; `null`: it has none. The worker's headers go to its own
 * origin only; to another origin go those alone that the request itself names.
 * @param secretsFor the secrets of requests to an origin @throws InvalidInputError with every fault, named by field
 */
export function compilePower(
  definition: PowerDefinition,
  header: Readonly<Record<string, string>>,
  secretsFor: (origin: string) => SecretLookup,
): PowerCalls | null {
  const { wake, sleep, asleep_when } = definition;
  const faults = new FaultList();
  if (wake === null) {
    const missing = 'needs wake: a worker that falls asleep must be woken';
    if (sleep !== null) faults.add('sleep', missing);
    if (asleep_when !== null) faults.add('asleep_when', missing);
    if (faults.faults.length > 0) throw new InvalidInputError(faults.faults);
    return null;
  }
  if (sleep !== null && (definition.poll ?? null) !== null)
    faults.add('sleep', 'cannot go with poll: tasks run there between the requests of this service');
  const compiler = new PowerCompiler(definition, header, secretsFor, faults);
  const wakeRequests = compiler.requests('wake', wake);
  const sleepRequests = compiler.requests('sleep', sleep);
  const ready = compiler.look(wake.ready, 'wake.ready');
  const asleepWhen = asleep_when === null ? null : compiler.look(asleep_when, 'asleep_when');
  if (faults.faults.length > 0 || ready === null) throw new InvalidInputError(faults.faults);
  return {
    wake: wakeRequests,
    ready,
    wakeTimeoutMs: (wake.timeout_s ?? DEFAULT_WAKE_TIMEOUT_S) * 1000,
    sleep: sleep === null ? null : { afterMs: sleep.after_s * 1000, requests: sleepRequests },
    asleepWhen,
  };
}

class PowerCompiler {
  private readonly own: string | null;

  constructor(
    private readonly definition: PowerDefinition,
    private readonly header: Readonly<Record<string, string>>,
    private readonly secretsFor: (origin: string) => SecretLookup,
    private readonly faults: FaultList,
  ) {
    const url = definition.req_url_template;
    this.own = URL.canParse(url) ? new URL(url).origin : null;
  }

  requests(field: 'wake' | 'sleep', spec: WakeSpec | SleepSpec | null): PowerCalls['wake'] {
    const steps = powerRequestsOf(field, spec).flatMap(([request, at]) => this.step(request, at) ?? []);
    return (requestId) => steps.map((step) => step.render(this.values(requestId)));
  }

  look({ path, expected_status, body_match }: PowerLookSpec, field: string): PowerLook | null {
    const step = this.step({ req_type: 'GET', url: path }, field, LOOK_TIMEOUT_MS, 'path');
    if (step === null) return null;
    const status = expected_status ?? 200;
    const body = body_match === undefined ? '' : ` with the text of ${field}.body_match`;
    return {
      call: (requestId) => step.render(this.values(requestId)),
      holds: (answer) =>
        answer.status === status && (body_match === undefined || answer.text.includes(body_match)),
      expected: `GET ${path.split('?', 1)[0]} answers ${status}${body}`,
    };
  }

  private values(requestId: string) {
    return { MODEL_NAME: this.definition.model_name, REQUEST_ID: requestId };
  }

  private step(
    { req_type = 'POST', url, header, body }: PowerRequestSpec,
    field: string,
    totalMs = REQUEST_TIMEOUT_MS,
    urlField = 'url',
  ): PollStep | null {
    // The URL's own fault is reported as one.
    if (this.own === null) return null;
    const origin = url.startsWith('/') ? this.own : originOfUrl(url);
    if (origin === null) {
      this.faults.add(
        `${field}.${urlField}`,
        "must be a URL, or a path that begins with / at the worker's origin",
      );
      return null;
    }
    const timeouts: UpstreamTimeouts = {
      connectMs: CONNECT_TIMEOUT_MS,
      firstByteMs: null,
      idleMs: null,
      totalMs,
    };
    const found = new FaultList();
    const step = compileStep(
      {
        url,
        method: req_type,
        ...(header === undefined ? {} : { header }),
        ...(body === undefined ? {} : { body }),
      },
      field,
      stepVocabulary([], KNOWN),
      {
        origin: this.own,
        origins: new Set([origin]),
        header: origin === this.own ? this.header : {},
        secrets: this.secretsFor(origin),
        kept: new Set(),
      },
      timeouts,
      found,
    );
    for (const fault of found.faults)
      this.faults.add(fault.field.replace(`${field}.url`, `${field}.${urlField}`), fault.problem);
    return found.faults.length > 0 ? null : step;
  }
}
