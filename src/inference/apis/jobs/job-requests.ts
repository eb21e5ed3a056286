import { Injectable } from '@nestjs/common';
import { WebhookSettings } from '../../../config/job-settings.js';
import { InvalidInputError } from '../../../input/input-errors.js';
import { describeValue, type Fields, isJsonObject, isPresent } from '../../../input/json.js';
import type { JobKind } from '../../../jobs/job.js';
import { LiveWorkers } from '../../../registry/live/live-workers.js';
import { ModelLookup } from '../../../registry/live/model-lookup.js';
import { OwnAddress } from '../../../registry/registration/own-address.js';
import { UpstreamGuard } from '../../../upstream/upstream-guard.js';
import { ForbiddenUpstreamError } from '../../../upstream/upstream-errors.js';
import { type JobRequest, kindOf } from './new-job.js';
import { readJobInput } from './read-job-input.js';

const LONGEST_NAME = 200;
const LONGEST_URL = 2048;

/** Reads what a client wants made. */
@Injectable()
export class JobRequests {
  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
    private readonly guard: UpstreamGuard,
    private readonly webhooks: WebhookSettings,
    private readonly ownAddress: OwnAddress,
  ) {}

  /** The body of `POST /api/v1/jobs`. @throws InvalidInputError */
  async ofBody(body: unknown): Promise<JobRequest> {
    if (!isJsonObject(body)) throw fault('', `the body must be a JSON object${describeValue(body)}`);
    const model = modelIn(body);
    if (isPresent(body['stream']) && body['stream'] !== false)
      throw fault('stream', 'must be false: GET the job and its events instead');
    const input = readJobInput(body);
    const webhookUrl = await this.webhookIn(body);
    return { model, kind: await this.kindOf(model), input, webhookUrl };
  }

  /** What the model makes; one that this replica does not know yet is looked up. */
  async kindOf(model: string): Promise<JobKind> {
    const found = this.live.model(model) ?? (await this.lookup.find(model));
    return kindOf(found?.workers ?? []);
  }

  /** The guard checks the target now, and again at each call. */
  private async webhookIn({ webhook_url: url }: Fields): Promise<string | null> {
    if (!isPresent(url)) return null;
    if (this.webhooks.secret === null)
      throw fault(
        'webhook_url',
        'is not available here: the operator has to set WEBHOOK_SECRET, which signs webhooks',
      );
    if (
      typeof url !== 'string' ||
      url.length > LONGEST_URL ||
      !/^https?:\/\//i.test(url) ||
      !URL.canParse(url)
    )
      throw fault(
        'webhook_url',
        `must be an http(s) URL of up to ${LONGEST_URL} characters${describeValue(url)}`,
      );
    try {
      await this.guard.checkResolved(url);
    } catch (error) {
      if (!(error instanceof ForbiddenUpstreamError)) throw error;
      throw fault('webhook_url', 'leads where this service may not call: give a URL with a public address');
    }
    if (this.ownAddress.isOwn(url))
      throw fault('webhook_url', 'is the address of this service: give the receiver of the webhook');
    // As URLs are written: PostgreSQL takes no U+0000.
    return new URL(url).href;
  }
}

/** @throws InvalidInputError */
export function modelIn(fields: Fields): string {
  const field = isPresent(fields['model_name']) && !isPresent(fields['model']) ? 'model_name' : 'model';
  const model = fields[field];
  if (typeof model === 'string' && model.length >= 1 && model.length <= LONGEST_NAME) return model;
  throw fault(field, `must be a model name of 1 to ${LONGEST_NAME} characters${describeValue(model)}`);
}

function fault(field: string, problem: string): InvalidInputError {
  return new InvalidInputError([{ field, problem }]);
}
