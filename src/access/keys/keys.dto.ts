import { ApiProperty, PartialType } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsNumber,
  IsOptional,
  IsPositive,
  IsString,
  Length,
  Matches,
  Max,
  Min,
  NotEquals,
} from 'class-validator';
import { PRIORITIES, type Priority } from '../../config/balancing-settings.js';
import { IsStringRecord, PRINTABLE, printable } from '../../input/dto-rules.js';
import { PageQueryDto } from '../../input/page.dto.js';
import { IsDto } from '../../input/read-dto.js';
import { TENANT_ENTRY, TENANT_NAMES_HOLD } from '../acting-for.js';
import { ROLES, type Role } from '../roles.js';

/** As much as a number of JSON can say exactly. */
const MOST = Number.MAX_SAFE_INTEGER;
/** Of an empty text its length is wrong. */
const VISIBLE = /\S|^$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;

/** What may be used; a limit that is left out does not exist. */
export class LimitsDto {
  /** Requests a minute. */
  @IsOptional() @IsInt() @Min(1) @Max(MOST) requests_per_minute?: number;
  /** Tokens a minute, in and out. */
  @IsOptional() @IsInt() @Min(1) @Max(MOST) tokens_per_minute?: number;
  /** Requests at the same time. */
  @IsOptional() @IsInt() @Min(1) @Max(1_000_000) max_concurrent?: number;
  /** Tokens in a calendar month (UTC). */
  @IsOptional() @IsInt() @Min(1) @Max(MOST) tokens_per_month?: number;
  /** Cost in a calendar month (UTC), by the models' prices. Models without a price cost nothing. */
  @IsOptional() @IsNumber() @IsPositive() @Max(MOST) cost_per_month?: number;
  /** The currency of `cost_per_month`: costs in another one do not count. Left out: all are added as if they were of one currency. */
  @IsOptional()
  @Matches(/^[A-Z]{3}$/, { message: '$property must be three capital letters, such as EUR' })
  cost_currency?: string;
}

/** A key, without the key itself. */
export class KeyDefinitionDto {
  /** The actor of what the key changes; unique among keys that are not revoked. `root` is the name of ADMIN_API_KEY. */
  @IsString() @Length(1, 100) @Matches(PRINTABLE, printable) @NotEquals('root') name!: string;

  /** admin: everything. operator: workers, policies, jobs. registrar: its own workers. inference: calls models. viewer: reads. */
  @IsIn(ROLES) role!: Role;

  /** Keys of a team share its limits and its turns in queues, and registrars of a team their workers. */
  @IsOptional()
  @IsString()
  @Length(1, 100)
  @Matches(PRINTABLE, printable)
  @Matches(VISIBLE, { message: '$property must not be spaces alone' })
  team?: string;

  /** The models it may call: names, or beginnings of names that end with `*`; all, if left out. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ArrayUnique({ message: '$property must not hold duplicates' })
  @Matches(/^[^*\p{Cc}\p{Cs}]{0,199}[^\p{Cc}\p{Cs}]$/u, {
    each: true,
    message:
      'each must be the name of a model, 1 to 200 characters, or a beginning of names that ends with *',
  })
  models?: string[];

  @IsOptional() @IsDto(() => LimitsDto) limits?: LimitsDto;

  /** The class of its requests that name none; the model's, if left out. */
  @IsOptional() @IsIn(PRIORITIES) priority?: Priority;

  /** The teams for which its requests may be, by the header x-mmm-tenant; `*`: every name. None, if left out. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @ArrayMaxSize(100)
  @ArrayUnique({ message: '$property must not hold duplicates' })
  @Matches(TENANT_ENTRY, {
    each: true,
    message: `each must be the name of a team (${TENANT_NAMES_HOLD}), or * for every team`,
  })
  may_act_for?: string[];

  /** What people note about it. */
  @IsOptional() @IsStringRecord(50, 100, 1_000) labels?: Record<string, string>;

  /** From then on it is refused; never, if left out. */
  @IsOptional()
  @Matches(TIME, { message: '$property must be a time with its zone, such as 2027-01-31T08:00:00Z' })
  @ApiProperty({ type: 'string', format: 'date-time', required: false })
  expires_at?: string;

  /** true: it is refused until it is enabled again. */
  @IsOptional() @IsBoolean() disabled?: boolean;

  @IsOptional() @IsString() @Length(1, 500) @Matches(PRINTABLE, printable) disabled_reason?: string;
}

/** A JSON merge patch: fields that are left out stay, null removes one. */
export class PatchKeyDto extends PartialType(KeyDefinitionDto) {}

export class RotateKeyDto {
  /** Seconds during which the former key is accepted, too, 0 to 604,800 (a week); an hour, if left out. */
  @IsOptional() @IsInt() @Min(0) @Max(604_800) overlap_s?: number;
}

export class ListKeysQueryDto extends PageQueryDto {
  @IsOptional() @IsIn(ROLES) role?: Role;
  @IsOptional() @IsString() @Length(1, 100) team?: string;
  /** true: revoked ones, too. They are deleted after 90 days. */
  @IsOptional() @IsIn(['true', 'false']) @ApiProperty({ type: 'boolean', required: false }) revoked?: string;
}

/** Limits as they are shown; null: there is none. */
export class ShownLimitsDto {
  requests_per_minute!: number | null;
  tokens_per_minute!: number | null;
  max_concurrent!: number | null;
  tokens_per_month!: number | null;
  cost_per_month!: number | null;
  /** null: costs in all currencies are added. */
  cost_currency!: string | null;
}

export class KeyDto {
  id!: string;
  name!: string;
  /** The first 12 characters of the key; empty for a key that was made by hand in SQL. */
  prefix!: string;
  @ApiProperty({ enum: ROLES }) role!: Role;
  team!: string | null;
  models!: string[] | null;
  limits!: ShownLimitsDto;
  @ApiProperty({ enum: PRIORITIES, nullable: true }) priority!: Priority | null;
  may_act_for!: string[] | null;
  labels!: Record<string, string>;
  expires_at!: Date | null;
  disabled!: boolean;
  disabled_at!: Date | null;
  disabled_reason!: string | null;
  revoked_at!: Date | null;
  /** Until then the key before the last rotation is accepted, too. */
  overlap_until!: Date | null;
  /** When it was last used, within a minute. */
  last_used_at!: Date | null;
  /** Rises with every change. */
  generation!: number;
  created_at!: Date;
  created_by!: string;
  updated_at!: Date;
  updated_by!: string;
}

export class NewKeyDto extends KeyDto {
  /** The key itself. It is shown this once and stored nowhere. */
  key!: string;
}

export class KeyPageDto {
  data!: KeyDto[];
  next_cursor!: string | null;
}

/** The caller's own key. */
export class MeDto {
  /** null: ADMIN_API_KEY, or a client that needs no key. A user that signed in elsewhere has an id that belongs to no key. */
  key_id!: string | null;
  name!: string;
  @ApiProperty({ enum: ROLES }) role!: Role;
  team!: string | null;
  models!: string[] | null;
  limits!: ShownLimitsDto;
  @ApiProperty({ enum: PRIORITIES, nullable: true }) priority!: Priority | null;
  /** The teams for which its requests may be, by x-mmm-tenant; `*`: every name. */
  may_act_for!: string[] | null;
}

/** What the keys of a team share. It replaces what was stored. */
export class PutTeamDto {
  @IsOptional() @IsDto(() => LimitsDto) limits?: LimitsDto;
  /** The highest class of its requests: a higher one is lowered to it. interactive, if left out. */
  @IsOptional() @IsIn(PRIORITIES) max_priority?: Priority;
  /** Its part of a model's slots, beside the weights of other teams, while requests wait for them. 1, if left out. */
  @IsOptional() @IsInt() @Min(1) @Max(1_000) weight?: number;
  /** What people note about it. */
  @IsOptional() @IsStringRecord(50, 100, 1_000) labels?: Record<string, string>;
}

/** A JSON merge patch: fields that are left out stay, null gives one its default. */
export class PatchTeamDto extends PartialType(PutTeamDto) {}

export class TeamDto {
  name!: string;
  limits!: ShownLimitsDto;
  @ApiProperty({ enum: PRIORITIES }) max_priority!: Priority;
  weight!: number;
  labels!: Record<string, string>;
  /** Rises with every change. */
  generation!: number;
  created_at!: Date;
  updated_at!: Date;
  updated_by!: string;
}

export class TeamListDto {
  data!: TeamDto[];
}
