import { Injectable } from '@nestjs/common';
import { type InputFault, InvalidInputError } from '../../../input/input-errors.js';
import { describeValue, type Fields, isPresent } from '../../../input/json.js';
import { LiveWorkers, type Model } from '../../../registry/live/live-workers.js';
import { ModelLookup } from '../../../registry/live/model-lookup.js';
import { UnsupportedTaskError } from '../../chat/chat-errors.js';
import { modelIn } from '../jobs/job-requests.js';
import type { JobRequest } from '../jobs/new-job.js';
import { readJobInput } from '../jobs/read-job-input.js';
import { jobIdOf } from './video-view.js';

const DEFAULT_LIMIT = 20;
const MOST = 100;

interface VideoPage {
  readonly after: string | undefined;
  readonly limit: number;
  readonly order: 'asc' | 'desc';
}

/** Reads the requests of OpenAI's videos. */
@Injectable()
export class VideoRequests {
  constructor(
    private readonly live: LiveWorkers,
    private readonly lookup: ModelLookup,
  ) {}

  /** @throws InvalidInputError, UnsupportedTaskError */
  async of(fields: Fields): Promise<JobRequest> {
    const model = modelIn(fields);
    const input = readJobInput(fields);
    checkMakesVideos(model, this.live.model(model) ?? (await this.lookup.find(model)));
    return { model, kind: 'video', input, webhookUrl: null };
  }

  /** @throws InvalidInputError */
  page({ after, limit, order }: Fields): VideoPage {
    const faults: InputFault[] = [];
    const jobId = typeof after === 'string' ? jobIdOf(after) : null;
    if (isPresent(after) && jobId === null)
      faults.push({ field: 'after', problem: `must be the id of a video, video_…${describeValue(after)}` });
    const size = limit === undefined ? DEFAULT_LIMIT : wholeNumber(limit);
    if (!(size >= 1 && size <= MOST))
      faults.push({
        field: 'limit',
        problem: `must be a whole number from 1 to ${MOST}${describeValue(limit)}`,
      });
    if (isPresent(order) && order !== 'asc' && order !== 'desc')
      faults.push({ field: 'order', problem: `must be asc or desc${describeValue(order)}` });
    if (faults.length > 0) throw new InvalidInputError(faults);
    return { after: jobId ?? undefined, limit: size, order: order === 'asc' ? 'asc' : 'desc' };
  }
}

/** Of digits: `Number` takes 0x10 and 1e1, too. @returns NaN for anything else */
function wholeNumber(text: unknown): number {
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : NaN;
}

/** An unknown model is a 404 later on. @throws UnsupportedTaskError */
function checkMakesVideos(name: string, model: Model | undefined): void {
  if (model === undefined || model.workers.some(({ task }) => task === 'video')) return;
  const tasks = [...new Set(model.workers.map(({ task }) => task ?? 'what its API offers'))].join(', ');
  throw new UnsupportedTaskError('video', name, tasks, REMEDY);
}

const REMEDY =
  'register a worker with task "video"; for a server with /v1/videos of its own, such as vLLM-Omni, use the preset "openai-videos"';
