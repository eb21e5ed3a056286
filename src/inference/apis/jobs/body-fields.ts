import type { FastifyRequest } from 'fastify';
import { InvalidInputError } from '../../../input/input-errors.js';
import { describeValue, type Fields, isJsonObject } from '../../../input/json.js';
import { parseBody } from '../../passthrough/raw-request.js';
import { fieldsOfForm } from './form-body.js';

export function isForm(contentType: string): boolean {
  return /^multipart\/form-data\b/i.test(contentType);
}

/** The fields of a body that came as bytes: a form, else JSON. @throws InvalidInputError */
export function readBodyFields({ headers, body }: Pick<FastifyRequest, 'headers' | 'body'>): Fields {
  const contentType = headers['content-type'] ?? '';
  const bytes = Buffer.isBuffer(body) ? body : Buffer.alloc(0);
  if (isForm(contentType)) return fieldsOfForm(contentType, bytes);
  const value = parseBody(bytes);
  if (isJsonObject(value)) return value;
  throw new InvalidInputError([
    { field: '', problem: `the body must be a JSON object${describeValue(value)}` },
  ]);
}
