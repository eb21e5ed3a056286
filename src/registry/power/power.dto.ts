import { ApiExtraModels, ApiProperty, getSchemaPath } from '@nestjs/swagger';
import { IsIn, IsInt, IsObject, IsOptional, IsString, Length, Matches, Max, Min } from 'class-validator';
import { IsStringRecord } from '../../input/dto-rules.js';
import { isJsonObject, type JsonValue } from '../../input/json.js';
import { IsDto, IsDtoList } from '../../input/read-dto.js';

/** As many as `event_masked` in the migrations masks. */
const MOST_REQUESTS = 5;

/** A request that wakes a worker or sends it to sleep. It knows {MODEL_NAME} and {REQUEST_ID}. */
export class PowerRequestDto {
  /** POST by default. */
  @IsOptional() @IsIn(['GET', 'POST', 'PUT', 'DELETE']) req_type?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  /** A path at the worker's origin, or a whole URL, which may lead elsewhere. */
  @IsString() @Length(1, 2048) url!: string;
  /** Added to the worker's headers, which go to the worker's origin only; an empty value leaves one of them out. */
  @IsOptional() @IsStringRecord(100) header?: Record<string, string>;
  @IsOptional() @IsObject() body?: Record<string, JsonValue>;
}

/** A GET request, and the answer that is expected. */
export class PowerLookDto {
  /** At the worker's origin, or a whole URL. */
  @IsString()
  @Length(1, 2048)
  @Matches(/^(\/|https?:\/\/)[\x21-\x7e]*$/i, {
    message: '$property must begin with / or be a whole URL, and hold printable ASCII only',
  })
  path!: string;
  /** 200 by default. */
  @IsOptional() @IsInt() @Min(200) @Max(599) expected_status?: number;
  /** Text that must occur in the body. */
  @IsOptional() @IsString() @Length(1, 1000) body_match?: string;
}

const REQUESTS = {
  oneOf: [
    { $ref: getSchemaPath(PowerRequestDto) },
    { type: 'array', items: { $ref: getSchemaPath(PowerRequestDto) } },
  ],
};

/** How a worker that sleeps is woken. It may be sent twice, when a replica dies, so it must be harmless to a worker that is awake. */
@ApiExtraModels(PowerRequestDto)
export class WakeDto {
  /** One request, or a list of them that are sent in order. */
  @IsDtoList(() => PowerRequestDto, MOST_REQUESTS)
  @ApiProperty(REQUESTS)
  request!: PowerRequestDto | readonly PowerRequestDto[];
  /** What shows that it is awake, requested each second. */
  @IsDto(() => PowerLookDto) ready!: PowerLookDto;
  /** How long a waking may take, in seconds; 180 by default. */
  @IsOptional() @IsInt() @Min(1) @Max(3600) timeout_s?: number;
}

/** How a worker is sent to sleep, and when. */
@ApiExtraModels(PowerRequestDto)
export class SleepDto {
  /** One request, or a list of them that are sent in order. */
  @IsDtoList(() => PowerRequestDto, MOST_REQUESTS)
  @ApiProperty(REQUESTS)
  request!: PowerRequestDto | readonly PowerRequestDto[];
  /** Seconds without a request on any replica. In effect never less than three times its usual waking time. */
  @IsInt() @Min(10) @Max(2_592_000) after_s!: number;
}

type Plain<Dto> = { [Name in keyof Dto]: Dto[Name] };
export type PowerRequestSpec = Plain<PowerRequestDto>;
export type PowerLookSpec = Plain<PowerLookDto>;
type WithRequests<Dto> = Omit<Plain<Dto>, 'request'> & {
  request: PowerRequestSpec | readonly PowerRequestSpec[];
};
export type WakeSpec = WithRequests<WakeDto>;
export type SleepSpec = WithRequests<SleepDto>;

type Requests = Pick<WakeSpec, 'request'>;

/** The requests of `wake` or `sleep`, each with its field. */
export function powerRequestsOf(
  field: 'wake' | 'sleep',
  spec: Requests | null,
): readonly (readonly [request: PowerRequestSpec, field: string])[] {
  if (spec === null) return [];
  const { request } = spec;
  return Array.isArray(request)
    ? (request as readonly PowerRequestSpec[]).map((each, at) => [each, `${field}.request[${at}]`] as const)
    : [[request as PowerRequestSpec, `${field}.request`]];
}

/** Everything that `wake`, `sleep` and `asleep_when` of a definition send, each with its field and its URL. A row edited by hand may hold anything. */
export function powerPartsOf({
  wake,
  sleep,
  asleep_when,
}: PowerFields): readonly (readonly [part: unknown, field: string, url: unknown])[] {
  const requests = (['wake', 'sleep'] as const).flatMap((field) => {
    const spec = field === 'wake' ? wake : sleep;
    return isJsonObject(spec) ? powerRequestsOf(field, spec as unknown as Requests) : [];
  });
  const looks = [
    [isJsonObject(wake) ? wake['ready'] : null, 'wake.ready'],
    [asleep_when, 'asleep_when'],
  ] as const;
  return [
    ...requests.map(([part, field]) => [part, field, isJsonObject(part) ? part['url'] : null] as const),
    ...looks.flatMap(([part, field]) => (isJsonObject(part) ? [[part, field, part['path']] as const] : [])),
  ];
}

/** Of a definition, or of a change whose values are not checked yet. */
export interface PowerFields {
  readonly wake?: unknown;
  readonly sleep?: unknown;
  readonly asleep_when?: unknown;
}

/** The origin of a URL whose path may hold placeholders; `null`: it is none. */
export function originOfUrl(url: unknown): string | null {
  if (typeof url !== 'string' || !/^https?:\/\//i.test(url) || !URL.canParse(url)) return null;
  return new URL(url).origin;
}

/** Where they are sent besides the worker's origin. */
export function powerOrigins(fields: PowerFields): readonly string[] {
  const origins = powerPartsOf(fields).flatMap(([, , url]) => originOfUrl(url) ?? []);
  return [...new Set(origins)];
}

/** Whether a worker that can sleep is awake. */
export class PowerDto {
  state!: 'awake' | 'asleep' | 'waking';
  since!: Date;
  /** What was seen, or why the last waking failed. */
  reason!: string;
  /** Wakings that failed in a row. */
  failures!: number;
  /** After a waking that failed: not woken again before. */
  next_wake_at!: Date;
  /** How long a waking usually takes; null: none has succeeded yet. */
  usual_wake_ms!: number | null;
}
