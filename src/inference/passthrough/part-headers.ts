import { InvalidInputError } from '../../input/input-errors.js';

/** What the headers of a part of a form say of it. */
export interface PartHeaders {
  readonly name: string;
  /** No file. */
  readonly isText: boolean;
  /** `null`: it is as it is. */
  readonly coding: string | null;
}

const AS_IT_IS = /^(7bit|8bit|binary)$/i;
const PARAMETER = /^;[ \t]*([^\s=;"]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))[ \t]*/;

/** @throws InvalidInputError when they can be read in more than one way */
export function partHeaders(headers: string): PartHeaders {
  const lines = headers.replaceAll(/\r\n[ \t]+/g, ' ').split('\r\n');
  const valueOf = (name: string): string | null => {
    const values = lines.flatMap((line) => {
      const colon = line.indexOf(':');
      return colon !== -1 && line.slice(0, colon).trim().toLowerCase() === name
        ? [line.slice(colon + 1).trim()]
        : [];
    });
    if (values.length > 1) throw ambiguous(`has ${name} twice`);
    return values[0] ?? null;
  };
  const disposition = valueOf('content-disposition');
  if (disposition === null) throw ambiguous('has no content-disposition');
  const parameters = parametersOf(disposition);
  const name = parameters.get('name');
  if (name === undefined) throw ambiguous('has no name');
  const coding = valueOf('content-transfer-encoding');
  return {
    name: Buffer.from(name, 'latin1').toString('utf8'),
    isText: !parameters.has('filename') && !parameters.has('filename*'),
    coding: coding === null || AS_IT_IS.test(coding) ? null : coding,
  };
}

function parametersOf(disposition: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let rest = disposition.replace(/^[^;]*/, '');
  while (rest !== '') {
    const [all, key, quoted, plain] = PARAMETER.exec(rest) ?? [];
    if (all === undefined || key === undefined) {
      // A semicolon too many.
      if (/^;[ \t]*$/.test(rest)) return found;
      throw ambiguous('has a content-disposition that makes no sense');
    }
    const name = key.toLowerCase();
    // In another spelling, which only some understand [RFC 7578, 4.2].
    if (found.has(name) || name === 'name*') throw ambiguous('names itself twice, or in an odd way');
    found.set(name, quoted?.replaceAll(/\\(.)/g, '$1') ?? plain ?? '');
    rest = rest.slice(all.length);
  }
  return found;
}

function ambiguous(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem: `the form cannot be read: a part of it ${problem}` }]);
}
