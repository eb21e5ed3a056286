import { randomUUID } from 'node:crypto';
import { SecretMissingError } from '../../credentials/worker-secrets.js';
import { UnsupportedFieldError } from '../../input/input-errors.js';
import { jobValues } from '../../jobs/job-values.js';
import type { JobInput } from '../../jobs/job.js';
import type { HttpAnswer, Kept, KnownValues, PollCall, ResultPlan } from '../../registry/poll.js';
import type { CheckedDefinition } from '../../registry/registration/definition-check.js';
import { PollUrlError } from '../../registry/registry-errors.js';
import type { TemplateCall, WorkerCall } from '../../registry/worker.js';
import { RenderError, TemplateError } from '../../template/template-error.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { marked, readingOf, unmarked } from './dry-readings.js';
import type { DryRunAnswerDto, DryStepDto } from './dry-run.dto.js';
import type { DryRunSecrets } from './dry-run-secrets.js';
import { sensitiveNames, shownRequest } from './shown-call.js';

type PollTemplate = TemplateCall & { readonly poll: PollCall };
export type CheckedPoll = CheckedDefinition & { readonly call: PollTemplate };

/** A step of the answer. */
export type ShownStep = { readonly [Name in keyof DryStepDto]: DryStepDto[Name] };

export function isPollTemplate(call: WorkerCall): call is PollTemplate {
  return call.kind === 'template' && call.poll !== null;
}

/** Errors of the definition, of the request and of the upstream's URLs: they are the result of a dry run. */
const SHOWN_ERRORS = [
  UnsupportedFieldError,
  RenderError,
  TemplateError,
  SecretMissingError,
  PollUrlError,
] as const;

/** The steps of one dry run of long work, and what is known of its task. All output has passed `secrets.hide`. */
export class PollRecorder {
  readonly poll: PollCall;
  known: KnownValues;
  warning: string | undefined;
  private problem: string | undefined;
  private readonly steps: DryStepDto[] = [];
  private readonly names: ReadonlySet<string>;

  constructor(
    private readonly checked: CheckedPoll,
    readonly secrets: DryRunSecrets,
    private readonly requestId: string,
  ) {
    const { call, definition } = checked;
    this.poll = call.poll;
    this.names = sensitiveNames(checked);
    this.known = {
      MODEL_NAME: call.upstreamModel ?? definition.model_name,
      JOB_ID: randomUUID(),
      REQUEST_ID: requestId,
      kept: {},
    };
  }

  answer(): DryRunAnswerDto {
    return {
      ...(this.warning === undefined ? {} : { warning: this.warning }),
      request: this.steps[0]?.request ?? null,
      ...(this.problem === undefined ? {} : { problem: this.problem }),
      steps: this.steps,
    };
  }

  get count(): number {
    return this.steps.length;
  }

  /** The names of `poll.keep`. */
  get keptNames(): readonly string[] {
    return Object.keys(this.checked.definition.poll?.keep ?? {});
  }

  /** `null`: it cannot be rendered, and the answer says why. */
  renderSubmit(input: JobInput): UpstreamCall | null {
    const { call, definition } = this.checked;
    const target = { modelName: definition.model_name, defaults: definition.defaults ?? {}, call };
    const job = { id: this.known.JOB_ID, requestId: this.requestId };
    return this.attempt('submit', () =>
      call.render(jobValues(target, input, job), { 'x-request-id': this.requestId }),
    );
  }

  /** @returns whether the task was accepted; what was kept is known then */
  readSubmit(answer: HttpAnswer, step: Omit<Partial<DryStepDto>, 'step'>): boolean {
    const reading = this.poll.readSubmit(answer, this.known);
    this.add({ step: 'submit', request: null, ...step, reading: readingOf(reading) });
    if (reading.kind !== 'accepted') return false;
    this.known = { ...this.known, kept: reading.kept };
    return true;
  }

  /** `null`: it has no requests, and what it holds is shown. */
  requestsOf(answer: unknown): readonly UpstreamCall[] | null {
    const plan: ResultPlan | null = this.attempt('result', () => this.poll.result(answer, this.known));
    if (plan?.kind === 'requests') return plan.requests;
    if (plan !== null) this.add({ step: 'result', request: null, reading: readingOf(plan) });
    return null;
  }

  /** Marks for kept values that are not known: URLs at the worker's origin where a step needs some. */
  marksFor(names: readonly string[], render: (known: KnownValues) => unknown): Kept {
    const [plain, urls] = marked(names, this.checked.call.origin);
    try {
      render({ ...this.known, kept: plain });
      return plain;
    } catch (error) {
      if (!(error instanceof PollUrlError)) throw error;
      return urls;
    }
  }

  /** `null`: it failed, and the answer says why. */
  attempt<Result>(step: DryStepDto['step'], render: () => Result): Result | null {
    try {
      return render();
    } catch (error) {
      if (!SHOWN_ERRORS.some((type) => error instanceof type)) throw error;
      const { message } = error as Error;
      this.fail(message);
      this.add({ step, request: null, problem: message });
      return null;
    }
  }

  fail(problem: string): void {
    this.problem = this.secrets.hide(problem);
  }

  add({ reading, problem, ...step }: ShownStep): void {
    this.steps.push({
      ...step,
      ...(reading === undefined ? {} : { reading: this.hidden(reading) }),
      ...(problem === undefined ? {} : { problem: this.secrets.hide(problem) }),
    });
  }

  shown(call: UpstreamCall): NonNullable<DryStepDto['request']> {
    this.secrets.knowRendered(call.headers, this.names);
    return unmarked(shownRequest(call, this.secrets), call.origin);
  }

  private hidden(reading: object): object {
    const text = this.secrets.hide(JSON.stringify(reading));
    try {
      return JSON.parse(text) as object;
    } catch {
      // A secret that looks like a part of JSON was hidden.
      return { text };
    }
  }
}
