import { randomUUID } from 'node:crypto';
import { SecretMissingError } from '../../credentials/worker-secrets.js';
import { UnsupportedFieldError } from '../../input/input-errors.js';
import { isPresent } from '../../input/json.js';
import { jobValues } from '../../jobs/job-values.js';
import type { JobInput } from '../../jobs/job.js';
import { isSuccess, readAnswer } from '../../registry/calls/poll/poll-answer.js';
import type { PollSpec } from '../../registry/poll.dto.js';
import type { HttpAnswer, Kept, KnownValues, PollCall, ResultPlan } from '../../registry/poll.js';
import type { CheckedDefinition } from '../../registry/registration/definition-check.js';
import { PollUrlError } from '../../registry/registry-errors.js';
import type { TemplateCall, WorkerCall } from '../../registry/worker.js';
import { RenderError, TemplateError } from '../../template/template-error.js';
import type { UpstreamCall } from '../../upstream/upstream-client.js';
import { pathsOfReading, shownStepPath } from './answer-path.js';
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
    this.add({ step: 'submit', request: null, ...step, reading: readingOf(reading) }, answer);
    if (reading.kind !== 'accepted') return false;
    this.known = { ...this.known, kept: reading.kept };
    return true;
  }

  /** `null`: it has no requests, and what it holds is shown. */
  requestsOf(answer: unknown): readonly UpstreamCall[] | null {
    const plan: ResultPlan | null = this.attempt('result', () => this.poll.result(answer, this.known));
    if (plan?.kind === 'requests') return plan.requests;
    if (plan === null) return null;
    const { each } = this.spec.result;
    const reading = readingOf(plan);
    const paths = isPresent(each) ? [each] : pathsOfReading({ step: 'result', reading }, this.spec);
    const path = plan.kind === 'missing' ? this.pathIn(answer, paths) : {};
    this.add({ step: 'result', request: null, reading, ...path });
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

  /** @param answer what came, where there is one: where it lacks something, the step shows how far the path leads */
  add({ reading, problem, ...step }: ShownStep, answer: HttpAnswer | null = null): void {
    const lacks = answer !== null && isSuccess(answer.status);
    const paths = lacks ? pathsOfReading({ step: step.step, reading }, this.spec) : [];
    this.steps.push({
      ...step,
      ...(lacks && paths.length > 0 ? this.pathIn(readAnswer(answer).json, paths) : {}),
      ...(reading === undefined ? {} : { reading: this.hidden(reading) }),
      ...(problem === undefined ? {} : { problem: this.secrets.hide(problem) }),
    });
  }

  shown(call: UpstreamCall): NonNullable<DryStepDto['request']> {
    this.secrets.knowRendered(call.headers, this.names);
    return unmarked(shownRequest(call, this.secrets), call.origin);
  }

  private get spec(): PollSpec {
    return this.checked.definition.poll as PollSpec;
  }

  private pathIn(answer: unknown, paths: readonly string[]) {
    return answer === undefined ? {} : shownStepPath(paths, answer, this.spec, this.known, this.secrets);
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
