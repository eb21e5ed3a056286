import {
  Body,
  Controller,
  Delete,
  Get,
  Headers,
  HttpCode,
  Param,
  Patch,
  Post,
  Put,
  Query,
  Res,
} from '@nestjs/common';
import { ApiBody } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { etagOf, readIfMatch } from '../../input/if-match.js';
import { ANY_TEXT, type CursorShape, limitOf, pageOf, readCursor, UUID } from '../../input/page.dto.js';
import { AccessNotFoundError } from '../access-errors.js';
import { checkTeamName } from '../acting-for.js';
import { type Caller, CurrentCaller } from '../caller.js';
import { KeyTable, type ListedKey } from './key-table.js';
import { keyView, meView, teamView } from './key-views.js';
import {
  KeyDefinitionDto,
  type KeyDto,
  type KeyPageDto,
  ListKeysQueryDto,
  type MeDto,
  type NewKeyDto,
  PatchKeyDto,
  PatchTeamDto,
  PutTeamDto,
  RotateKeyDto,
  type TeamDto,
  type TeamListDto,
} from './keys.dto.js';
import { Keys } from './keys.service.js';

const BY_NAME: CursorShape = { sort: 'name', key: [ANY_TEXT, UUID] };
const HOUR_S = 3_600;

/** Keys of people and programs. */
@Controller('api/v1/keys')
export class KeysController {
  constructor(
    private readonly keys: Keys,
    private readonly table: KeyTable,
  ) {}

  /** Keys by name, without the keys themselves. */
  @Get()
  async list(@Query() query: ListKeysQueryDto): Promise<KeyPageDto> {
    const [name, id] = readCursor(query.cursor, BY_NAME) ?? [];
    const limit = limitOf(query);
    const { role = null, team = null, revoked } = query;
    const after = name === undefined || id === undefined ? null : ([name, id] as const);
    const rows = await this.table.page(after, { role, team, revoked: revoked === 'true' }, limit + 1);
    return pageOf(rows, limit, BY_NAME, (row) => [row.name, row.id], keyView);
  }

  /** Makes a key. The answer is the only place where the key itself is ever shown. */
  @Post()
  async create(
    @Body() dto: KeyDefinitionDto,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NewKeyDto> {
    const { row, key } = await this.keys.create(dto, caller);
    reply.header('location', `/api/v1/keys/${row.id}`);
    return { ...this.shown(row, reply), key };
  }

  /** A key, without the key itself. */
  @Get(':id')
  async read(@Param('id') id: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<KeyDto> {
    return this.shown(await this.keys.read(id), reply);
  }

  /** A JSON merge patch [RFC 7396]. With If-Match, a 412 if the generation is another one by now. */
  @Patch(':id')
  @ApiBody({ type: PatchKeyDto })
  async patch(
    @Param('id') id: string,
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('if-match') ifMatch?: string,
  ): Promise<KeyDto> {
    return this.shown(await this.keys.patch(id, sent, readIfMatch(ifMatch), caller), reply);
  }

  /** Replaces the key; the former one is accepted for overlap_s seconds, too. */
  @Post(':id/rotate')
  @HttpCode(200)
  async rotate(
    @Param('id') id: string,
    @Body() { overlap_s: overlapS }: RotateKeyDto,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<NewKeyDto> {
    const { row, key } = await this.keys.rotate(id, overlapS ?? HOUR_S, caller);
    return { ...this.shown(row, reply), key };
  }

  /** Revokes a key for good, on all replicas within a second. */
  @Delete(':id')
  @HttpCode(204)
  async revoke(
    @Param('id') id: string,
    @CurrentCaller() caller: Caller,
    @Headers('if-match') ifMatch?: string,
  ): Promise<void> {
    await this.keys.revoke(id, readIfMatch(ifMatch), caller);
  }

  private shown(row: ListedKey, reply: FastifyReply): ReturnType<typeof keyView> {
    reply.header('etag', etagOf(row.generation));
    return keyView(row);
  }
}

/** What the keys of a team share. */
@Controller('api/v1/teams')
export class TeamsController {
  constructor(private readonly keys: Keys) {}

  /** The teams that have limits or labels, by name. */
  @Get()
  async list(): Promise<TeamListDto> {
    return { data: (await this.keys.teams()).map(teamView) };
  }

  /** A team. A name may hold `/`. */
  @Get('*')
  async read(@Param('*') path: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<TeamDto> {
    const name = nameOf(path);
    const row = (await this.keys.teams()).find((team) => team.name === name);
    if (row === undefined) throw new AccessNotFoundError('team');
    reply.header('etag', etagOf(row.generation));
    return teamView(row);
  }

  /** Sets the limits and labels of a team: 201 when there were none. */
  @Put('*')
  async put(
    @Param('*') path: string,
    @Body() dto: PutTeamDto,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('if-match') ifMatch?: string,
  ): Promise<TeamDto> {
    const { row, isNew } = await this.keys.putTeam(nameOf(path), dto, readIfMatch(ifMatch), caller);
    reply.status(isNew ? 201 : 200).header('etag', etagOf(row.generation));
    return teamView(row);
  }

  /** A JSON merge patch [RFC 7396] of a team that was put. With If-Match, a 412 if the generation is another one by now. */
  @Patch('*')
  @ApiBody({ type: PatchTeamDto })
  async patch(
    @Param('*') path: string,
    @Body() sent: unknown,
    @CurrentCaller() caller: Caller,
    @Res({ passthrough: true }) reply: FastifyReply,
    @Headers('if-match') ifMatch?: string,
  ): Promise<TeamDto> {
    const row = await this.keys.patchTeam(nameOf(path), sent, readIfMatch(ifMatch), caller);
    reply.header('etag', etagOf(row.generation));
    return teamView(row);
  }

  /** Deletes the limits and labels of a team. Its keys stay. */
  @Delete('*')
  @HttpCode(204)
  async remove(
    @Param('*') path: string,
    @CurrentCaller() caller: Caller,
    @Headers('if-match') ifMatch?: string,
  ): Promise<void> {
    await this.keys.removeTeam(nameOf(path), readIfMatch(ifMatch), caller);
  }
}

@Controller('api/v1/me')
export class MeController {
  /** The key of the request: its name, role, team, scope and limits. */
  @Get()
  read(@CurrentCaller() caller: Caller): MeDto {
    return meView(caller);
  }
}

/** @throws InvalidInputError */
function nameOf(path: unknown): string {
  return checkTeamName('name', Array.isArray(path) ? path.join('/') : String(path));
}
