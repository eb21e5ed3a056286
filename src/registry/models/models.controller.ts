import { Body, Controller, Delete, Get, Headers, HttpCode, Param, Put, Query, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { type Caller, CurrentCaller } from '../../access/caller.js';
import { etagOf, readIfMatch } from '../../input/if-match.js';
import { InvalidInputError } from '../../input/input-errors.js';
import {
  ANY_TEXT,
  type CursorShape,
  limitOf,
  pageOf,
  PageQueryDto,
  readCursor,
} from '../../input/page.dto.js';
import { type ModelDto, type ModelListDto, PutModelDto } from './model.dto.js';
import { ModelService } from './model.service.js';
import { ModelViews } from './model-view.js';

const BY_NAME: CursorShape = { sort: 'name', key: [ANY_TEXT] };
const NAME = /^[^\p{Cc}\p{Cs}]{1,200}$/u;

/** Policies of models: strategy, fallbacks, retries, queue and timeouts for all workers of a model. */
@Controller('api/v1/models')
export class ModelsController {
  constructor(
    private readonly models: ModelService,
    private readonly views: ModelViews,
  ) {}

  /** All models that have workers or a policy, by name. */
  @Get()
  async list(@Query() query: PageQueryDto): Promise<ModelListDto> {
    const [after = null] = readCursor(query.cursor, BY_NAME) ?? [];
    const limit = limitOf(query);
    const rows = await this.models.list(after, limit + 1);
    return pageOf(
      rows,
      limit,
      BY_NAME,
      ({ name }) => [name],
      (row) => this.views.of(row),
    );
  }

  /** A model's policy and the states of its workers. A name may hold `/`. */
  @Get('*')
  async read(@Param('*') name: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<ModelDto> {
    const view = this.views.of(await this.models.read(nameOf(name)));
    reply.header('etag', etagOf(view.generation));
    return view;
  }

  /** Sets the whole policy: 201 when there was none, 200 with a higher generation when it changed, 200 when it is the same. */
  @Put('*')
  async put(
    @Param('*') path: string,
    @Body() dto: PutModelDto,
    @CurrentCaller() caller: Caller,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<ModelDto> {
    const name = nameOf(path);
    const outcome = await this.models.apply(name, dto, readIfMatch(ifMatch), caller);
    reply.status(outcome === 'created' ? 201 : 200);
    return this.read(name, reply);
  }

  /** Deletes the policy: the settings decide again. The workers stay. */
  @Delete('*')
  @HttpCode(204)
  async remove(
    @Param('*') name: string,
    @CurrentCaller() caller: Caller,
    @Headers('if-match') ifMatch: string | undefined,
  ): Promise<void> {
    await this.models.remove(nameOf(name), readIfMatch(ifMatch), caller);
  }
}

/** @throws InvalidInputError */
function nameOf(path: unknown): string {
  const name = Array.isArray(path) ? path.join('/') : String(path);
  if (NAME.test(name)) return name;
  const problem = 'must be the name of a model: 1 to 200 characters without control characters';
  throw new InvalidInputError([{ field: 'name', problem }]);
}
