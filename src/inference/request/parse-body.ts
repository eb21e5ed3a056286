import { InvalidInputError } from '../../input/input-errors.js';
import { DEEPEST_JSON, isDeeperThan } from '../../input/json.js';

/** A body that came as bytes. @throws InvalidInputError for what is no JSON, or nests too deep */
export function parseBody(body: unknown): unknown {
  const text = Buffer.isBuffer(body) ? body.toString('utf8') : '';
  if (text.trim() === '') throw fault('the body is empty; it must be a JSON object');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw fault(`the body is not valid JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (isDeeperThan(DEEPEST_JSON + 1, value)) throw fault(`the body nests deeper than ${DEEPEST_JSON} levels`);
  return value;
}

function fault(problem: string): InvalidInputError {
  return new InvalidInputError([{ field: '', problem }]);
}
