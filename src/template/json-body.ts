import { isAlwaysPresent, type PlaceholderName } from './placeholders.js';
import { printField, type Step } from './json-path.js';
import {
  type Mentions,
  type TemplatePart,
  type Render,
  slotText,
  valueJson,
  wholePlaceholder,
} from './template-text.js';
import { TemplateError } from './template-error.js';
import type { JsonValue } from '../input/json.js';

/** A member of an object or element of a list; `prefix` is its key and colon, or nothing. */
interface Member {
  readonly prefix: string;
  readonly value: JsonValue;
  readonly path: readonly Step[];
}
/** A member that is there only if `name` has a value. */
interface OptionalMember {
  readonly prefix: string;
  readonly name: PlaceholderName;
  readonly render: Render;
}

/** The key of an object that names the placeholder without whose value the object is left out. It is never sent. */
export const CONDITION = '?';

export function compileJson(body: JsonValue, field: string, mentions: Mentions): Render {
  return compileAt(body, [field], mentions);
}

function compileAt(body: JsonValue, path: readonly Step[], mentions: Mentions): Render {
  const { segments } = new JsonCompiler(mentions).compile(body, path);
  return (values, secrets) => {
    let json = '';
    for (const segment of segments) json += typeof segment === 'string' ? segment : segment(values, secrets);
    return json;
  };
}

/** The placeholder that an object's `"?"` names; `undefined`: it has no such key. Throws TemplateError. */
export function conditionOf(
  value: JsonValue,
  path: readonly Step[],
  mentions: Mentions,
): PlaceholderName | undefined {
  if (typeof value !== 'object' || value === null || isList(value) || !Object.hasOwn(value, CONDITION))
    return undefined;
  const field = printField([...path, CONDITION]);
  const condition = value[CONDITION];
  const name = typeof condition === 'string' ? wholePlaceholder(mentions.parse(condition, field)) : undefined;
  if (name === undefined)
    throw new TemplateError(
      field,
      'must be one placeholder, such as "{INPUT_IMAGE}": the object is sent only with its value',
    );
  return name;
}

/**
 * Flattens the body to static JSON text and slots. Commas around members that may be absent need no state
 * while rendering: members before the first one that is always present bring the comma after them, later ones the comma
 * before them; if none is always present, they are joined as a group.
 */
class JsonCompiler {
  readonly segments: (string | Render)[] = [];

  constructor(private readonly mentions: Mentions) {}

  compile(body: JsonValue, path: readonly Step[]): this {
    this.value(body, path);
    return this;
  }

  private value(value: JsonValue, path: readonly Step[]): void {
    if (typeof value === 'string') this.text(value, printField(path));
    else if (value === null || typeof value !== 'object') this.static(scalarJson(value, path));
    else if (isList(value))
      this.members(
        '[',
        value.map((child, at) => member('', child, path, at)),
        ']',
      );
    else
      this.members(
        '{',
        Object.entries(value)
          .filter(([key]) => key !== CONDITION)
          .map(([key, child]) => member(`${JSON.stringify(key)}:`, child, path, key)),
        '}',
      );
  }

  private members(opening: string, members: readonly Member[], closing: string): void {
    const optional = members.map((each) => this.asOptional(each));
    const firstSure = optional.indexOf(undefined);
    this.static(opening);
    if (firstSure === -1 && members.length > 0)
      this.segments.push(groupSlot(optional.filter((each) => each !== undefined)));
    else
      for (const [at, each] of members.entries()) {
        const maybe = optional[at];
        if (maybe !== undefined) this.segments.push(at < firstSure ? slotBefore(maybe) : slotAfter(maybe));
        else {
          this.static(at > firstSure ? `,${each.prefix}` : each.prefix);
          this.value(each.value, each.path);
        }
      }
    this.static(closing);
  }

  private asOptional({ prefix, value, path }: Member): OptionalMember | undefined {
    if (typeof value !== 'string') return this.asConditional(prefix, value, path);
    const field = printField(path);
    const name = wholePlaceholder(this.mentions.parse(value, field));
    if (name === undefined || isAlwaysPresent(name)) return undefined;
    return { prefix, name, render: (values) => valueJson(values[name], field) };
  }

  private asConditional(prefix: string, value: JsonValue, path: readonly Step[]): OptionalMember | undefined {
    const name = conditionOf(value, path, this.mentions);
    if (name === undefined || isAlwaysPresent(name)) return undefined;
    const render = this.mentions.guarded(name, () => compileAt(value, path, this.mentions));
    return { prefix, name, render };
  }

  private text(text: string, field: string): void {
    const parts = this.mentions.parse(text, field);
    const whole = wholePlaceholder(parts);
    // Only the body itself can be absent here. A body must have a value, so it is null.
    if (whole !== undefined) this.segments.push((values) => valueJson(values[whole], field));
    else {
      this.static('"');
      for (const part of parts) this.part(part, field);
      this.static('"');
    }
  }

  private part(part: TemplatePart, field: string): void {
    if (typeof part === 'string') this.static(inString(part));
    else this.segments.push((values, secrets) => inString(slotText(part, field, values, secrets)));
  }

  private static(json: string): void {
    const last = this.segments.at(-1);
    if (typeof last === 'string') this.segments[this.segments.length - 1] = last + json;
    else this.segments.push(json);
  }
}

function slotBefore({ prefix, name, render }: OptionalMember): Render {
  return (values, secrets) => (values[name] === undefined ? '' : `${prefix}${render(values, secrets)},`);
}

function slotAfter({ prefix, name, render }: OptionalMember): Render {
  const commaPrefix = `,${prefix}`;
  return (values, secrets) => (values[name] === undefined ? '' : commaPrefix + render(values, secrets));
}

function groupSlot(members: readonly OptionalMember[]): Render {
  return (values, secrets) =>
    members
      .filter(({ name }) => values[name] !== undefined)
      .map(({ prefix, render }) => prefix + render(values, secrets))
      .join(',');
}

function member(prefix: string, value: JsonValue, path: readonly Step[], step: Step): Member {
  return { prefix, value, path: [...path, step] };
}

function scalarJson(value: number | boolean | null, path: readonly Step[]): string {
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new TemplateError(printField(path), 'is a number too large to be kept');
  return JSON.stringify(value);
}

/** Two adjacent JSON escapes parse to two adjacent texts, halves of surrogate pairs included. */
function inString(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}

function isList(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
