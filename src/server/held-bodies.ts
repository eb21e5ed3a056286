import type { FastifyInstance, FastifyReply } from 'fastify';
import { type Readable, Transform } from 'node:stream';
import * as zlib from 'node:zlib';
import { hasBody } from '../errors/unread-requests.js';
import { CompressedBodyError, InvalidInputError } from '../input/input-errors.js';
import { COUNTED_BODY, type MemoryBudget } from '../upstream/memory-budget.js';
import { MemoryExhaustedError } from '../upstream/upstream-errors.js';

/**
 * Counts bodies in the memory budget until the response is closed, and refuses one that does not fit before it is read.
 * Decodes those that have a `content-encoding`. Call after the hook that checks keys.
 */
export function limitHeldBodies(server: FastifyInstance, budget: MemoryBudget, mostBytes: number): void {
  server.addHook('onRequest', (request, reply, done) => {
    const bytes = Number(request.headers['content-length'] ?? 0);
    if (!(bytes > COUNTED_BODY)) return done();
    if (!budget.tryHold(bytes)) return done(new MemoryExhaustedError());
    reply.raw.once('close', () => budget.release(bytes));
    done();
  });
  server.addHook('preParsing', (request, reply, payload, done) => {
    const coding = request.headers['content-encoding'];
    if (coding !== undefined && hasBody(request.raw))
      return decodeBody(coding, payload, reply, { mostBytes, budget }, done);
    if (request.headers['transfer-encoding'] === undefined) return done(null, payload);
    // A body without a length is counted as it comes.
    const counted = countingStream(reply, budget);
    payload.once('error', (error) => counted.destroy(error));
    done(null, payload.pipe(counted));
  });
}

/** The largest window that a body may have: 8 MiB. https://www.rfc-editor.org/rfc/rfc9659 */
const ZSTD_WINDOW_LOG = 23;

/** @param start the first bytes of the body */
type MakeDecoder = (start: Buffer | null) => Transform;

/** Node has zstd from 22.15 on. https://nodejs.org/api/zlib.html#zlibcreatezstddecompressoptions */
interface ZstdOfNode {
  readonly createZstdDecompress?: (options: object) => Transform;
  readonly constants: { readonly ZSTD_d_windowLogMax?: number };
}

const DECODERS = decodersOf(zlib as ZstdOfNode);

function decodersOf({ createZstdDecompress, constants }: ZstdOfNode): ReadonlyMap<string, MakeDecoder> {
  const decoders = new Map<string, MakeDecoder>([
    ['gzip', () => zlib.createGunzip()],
    ['deflate', (start) => (hasZlibHeader(start) ? zlib.createInflate() : zlib.createInflateRaw())],
    ['br', () => zlib.createBrotliDecompress()],
  ]);
  const window = constants.ZSTD_d_windowLogMax;
  if (createZstdDecompress !== undefined && window !== undefined)
    decoders.set('zstd', () => createZstdDecompress({ params: { [window]: ZSTD_WINDOW_LOG } }));
  return decoders;
}

/** Some clients send deflate without its zlib header [RFC 9110, 8.4.1.2], whose first byte names the method 8 [RFC 1950, 2.2]. */
function hasZlibHeader(start: Buffer | null): boolean {
  return start === null || ((start[0] ?? 0) & 0x0f) === 8;
}

/** For `Accept-Encoding` [RFC 9110, 15.5.16]. */
const ACCEPTED_CODINGS = [...DECODERS.keys()].join(', ');

/** Both names mean gzip [RFC 9110, 8.4.1.3]. */
const ALIASES: Readonly<Record<string, string>> = { 'x-gzip': 'gzip' };

/** A body that is larger than MAX_BODY_BYTES once it is decoded. */
class DecodedBodyTooLargeError extends Error {
  override readonly name = 'DecodedBodyTooLargeError';
  readonly statusCode = 413;
}

/** What Fastify compares with `content-length` of a body that a hook has decoded. */
type DecodedBody = Transform & { receivedEncodedLength: number };

/**
 * Decodes a body while it comes, and stops at the first byte too many: the size of a compressed body says nothing of what
 * it holds. What is decoded stays counted until the response is closed.
 * @param done gets the decoded body, or CompressedBodyError
 */
function decodeBody(
  coding: string,
  body: Readable,
  reply: FastifyReply,
  { mostBytes, budget }: { readonly mostBytes: number; readonly budget: MemoryBudget },
  done: (error: Error | null, decoded?: Readable) => void,
): void {
  const name = coding.trim().toLowerCase();
  if (name === 'identity') return done(null, body);
  const makeDecoder = DECODERS.get(ALIASES[name] ?? name);
  if (makeDecoder === undefined) return done(new CompressedBodyError(coding, ACCEPTED_CODINGS));
  startOf(body, (start) => {
    const decoder = makeDecoder(start);
    const decoded = countingStream(reply, budget, mostBytes);
    body.on('data', ({ length }: Buffer) => (decoded.receivedEncodedLength += length));
    // The connection stays open for the answer, which is why no `pipeline` destroys the body.
    const stop = (error?: Error): void => {
      body.unpipe(decoder);
      decoder.destroy();
      decoded.destroy(error);
    };
    body.once('error', stop);
    reply.raw.once('close', () => stop());
    decoder.once('error', ({ message }) => stop(notDecodable(name, message)));
    decoded.on('error', () => stop());
    done(null, body.pipe(decoder).pipe(decoded));
  });
}

/** Looks at the beginning, which stays in the stream. */
function startOf(body: Readable, use: (start: Buffer | null) => void): void {
  body.once('readable', () => {
    const start = body.read() as Buffer | null;
    if (start !== null) body.unshift(start);
    use(start);
  });
}

/** Counts what passes in the memory budget until the response is closed. */
function countingStream(reply: FastifyReply, budget: MemoryBudget, mostBytes = Infinity): DecodedBody {
  let held = 0;
  reply.raw.once('close', () => {
    budget.release(held);
    held = 0;
  });
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, pass) {
      if (held + chunk.length > mostBytes) return pass(new DecodedBodyTooLargeError());
      if (!budget.tryHold(chunk.length)) return pass(new MemoryExhaustedError());
      held += chunk.length;
      pass(null, chunk);
    },
  });
  return Object.assign(counting, { receivedEncodedLength: 0 });
}

function notDecodable(coding: string, reason: string): InvalidInputError {
  const problem = `the body cannot be decoded as ${coding}, which its Content-Encoding names: ${reason}`;
  return new InvalidInputError([{ field: '', problem }]);
}
