import { getMetadataStorage } from 'class-validator';
import { KeyDefinitionDto, PatchKeyDto, PutTeamDto, RotateKeyDto } from '../access/keys/keys.dto.js';
import { type DtoClass, nestedDtosOf } from '../input/read-dto.js';
import { DryRunDto, StoredDryRunDto } from '../inference/dry-run/dry-run.dto.js';
import { PutModelDto } from '../registry/models/model.dto.js';
import {
  HeartbeatDto,
  OfflineWorkerDto,
  PatchWorkerDto,
  RegisterWorkerDto,
} from '../registry/register-worker.dto.js';

/** The bodies that are validated by the rules of a class, and whose unknown fields are refused. */
const CHECKED: readonly DtoClass[] = [
  RegisterWorkerDto,
  PatchWorkerDto,
  OfflineWorkerDto,
  HeartbeatDto,
  PutModelDto,
  DryRunDto,
  StoredDryRunDto,
  KeyDefinitionDto,
  PatchKeyDto,
  RotateKeyDto,
  PutTeamDto,
];

export interface ObjectSchema {
  properties?: Record<string, object>;
  additionalProperties?: unknown;
  required?: string[];
}

/** Adds to the schemas of bodies what their validation does and the decorators do not say. */
export function describeInputs(schemas: Readonly<Record<string, ObjectSchema>>): void {
  for (const type of allDtos(CHECKED)) {
    const schema = schemas[type.name];
    if (schema === undefined) continue;
    schema.additionalProperties = false;
    const whole = wholeNumbersOf(type);
    for (const [name, property] of Object.entries(schema.properties ?? {}))
      if (whole.has(name)) Object.assign(property, { type: 'integer' });
  }
  takePresets(schemas[RegisterWorkerDto.name]);
  for (const { name } of [PatchWorkerDto, PatchKeyDto]) Object.assign(schemas, mergePatch(schemas, name));
}

/**
 * In a merge patch each member may be left out, and null takes it away, at every depth [RFC 7396]. Objects within get
 * schemas of their own, since their originals have members that are required.
 */
function mergePatch(schemas: Readonly<Record<string, ObjectSchema>>, name: string): Record<string, object> {
  const made: Record<string, object> = {};
  const patchOf = (original: string, patch: string): void => {
    if (Object.hasOwn(made, patch)) return;
    const { required: _required, properties = {}, ...rest } = schemas[original] as ObjectSchema;
    made[patch] = {};
    made[patch] = {
      ...rest,
      properties: Object.fromEntries(
        Object.entries(properties).map(([field, schema]) => [field, nullable(schema)]),
      ),
    };
  };
  const nullable = (schema: object): object => {
    const [, original] = /"#\/components\/schemas\/(\w+)"/.exec(JSON.stringify(schema)) ?? [];
    const isReference = '$ref' in schema || 'allOf' in schema;
    if (!isReference || original === undefined) return { ...schema, nullable: true };
    const patch = `Patch${original}`;
    patchOf(original, patch);
    const { description } = schema as { readonly description?: string };
    return {
      ...(description === undefined ? {} : { description }),
      allOf: [{ $ref: `#/components/schemas/${patch}` }],
      nullable: true,
    };
  };
  patchOf(name, name);
  return made;
}

function allDtos(types: readonly DtoClass[]): ReadonlySet<DtoClass> {
  const all = new Set<DtoClass>();
  const add = (type: DtoClass): void => {
    if (all.has(type)) return;
    all.add(type);
    for (const child of nestedDtosOf(type)) add(child);
  };
  for (const type of types) add(type);
  return all;
}

function wholeNumbersOf(type: DtoClass): ReadonlySet<string> {
  const rules = getMetadataStorage().getTargetValidationMetadatas(type, '', true, false);
  return new Set(rules.filter(({ name }) => name === 'isInt').map(({ propertyName }) => propertyName));
}

/** A preset is expanded before the rules are checked; with one, the URL follows from `base_url`. */
function takePresets(schema: ObjectSchema | undefined): void {
  if (schema === undefined) return;
  schema.properties = {
    ...schema.properties,
    preset: { type: 'string', description: 'A name of GET /api/v1/presets, which fills in most fields.' },
    base_url: { type: 'string', description: "With preset: the server's base URL." },
    api_key: { type: 'string', description: 'With preset: the key of the server; stored encrypted.' },
  };
  schema.required = (schema.required ?? []).filter((name) => name !== 'req_url_template');
  if (schema.required.length === 0) delete schema.required;
}
