/**
 * Writes GGUF, the file format of llama.cpp: a header, metadata, the tensors' names and shapes, then their values.
 * Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (version 3, little-endian).
 *
 * @typedef {{ readonly name: string, readonly shape: readonly number[], readonly values: Float32Array }} Tensor
 *   `shape` begins with the length of a row, as in ggml
 * @typedef {{ readonly type: number, readonly bytes: Buffer }} Value
 */

const VERSION = 3;
/** Tensors begin at multiples of this, the format's default. */
const ALIGNMENT = 32;
const TYPE = { i32: 5, u32: 4, f32: 6, bool: 7, string: 8, array: 9 };
const TENSOR_OF_F32 = 0;

/** Constructors of metadata values, one for each type used here. */
export const u32 = (/** @type {number} */ n) => ({ type: TYPE.u32, bytes: bytesOfU32(n) });
export const f32 = (/** @type {number} */ n) => ({ type: TYPE.f32, bytes: bytesOfFloats([n]) });
export const bool = (/** @type {boolean} */ b) => ({ type: TYPE.bool, bytes: Buffer.from([b ? 1 : 0]) });
export const string = (/** @type {string} */ s) => ({ type: TYPE.string, bytes: bytesOfString(s) });
export const strings = (/** @type {readonly string[]} */ all) =>
  array(TYPE.string, all.length, Buffer.concat(all.map(bytesOfString)));
export const floats = (/** @type {readonly number[]} */ all) =>
  array(TYPE.f32, all.length, bytesOfFloats(all));
export const ints = (/** @type {readonly number[]} */ all) =>
  array(TYPE.i32, all.length, Buffer.concat(all.map(bytesOfI32)));

/**
 * @param {Readonly<Record<string, Value>>} metadata
 * @param {readonly Tensor[]} tensors
 * @returns {Buffer} the whole file
 */
export function encodeGguf(metadata, tensors) {
  const entries = Object.entries(metadata);
  const head = Buffer.concat([
    Buffer.from('GGUF'),
    bytesOfU32(VERSION),
    bytesOfU64(tensors.length),
    bytesOfU64(entries.length),
    ...entries.flatMap(([key, { type, bytes }]) => [bytesOfString(key), bytesOfU32(type), bytes]),
    ...describe(tensors),
  ]);
  return Buffer.concat([padded(head), ...tensors.map((tensor) => padded(bytesOfFloats(tensor.values)))]);
}

/**
 * @param {readonly Tensor[]} tensors
 * @returns {Buffer[]} name, shape, type and offset of each
 */
function describe(tensors) {
  let offset = 0;
  return tensors.map(({ name, shape, values }) => {
    const described = Buffer.concat([
      bytesOfString(name),
      bytesOfU32(shape.length),
      ...shape.map(bytesOfU64),
      bytesOfU32(TENSOR_OF_F32),
      bytesOfU64(offset),
    ]);
    offset += aligned(values.byteLength);
    return described;
  });
}

/**
 * @param {number} type
 * @param {number} length
 * @param {Buffer} elements
 * @returns {Value}
 */
function array(type, length, elements) {
  return { type: TYPE.array, bytes: Buffer.concat([bytesOfU32(type), bytesOfU64(length), elements]) };
}

/** @param {number} byteLength */
function aligned(byteLength) {
  return Math.ceil(byteLength / ALIGNMENT) * ALIGNMENT;
}

/** @param {Buffer} bytes */
function padded(bytes) {
  return Buffer.concat([bytes], aligned(bytes.length));
}

/** @param {number} n */
function bytesOfU32(n) {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(n);
  return bytes;
}

/** @param {number} n */
function bytesOfI32(n) {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32LE(n);
  return bytes;
}

/** @param {number} n */
function bytesOfU64(n) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(n));
  return bytes;
}

/** @param {string} text */
function bytesOfString(text) {
  const bytes = Buffer.from(text);
  return Buffer.concat([bytesOfU64(bytes.length), bytes]);
}

/**
 * Every machine that llama.cpp's binaries run on is little-endian, so memory already has the file's byte order.
 * @param {Float32Array | readonly number[]} values
 */
function bytesOfFloats(values) {
  return Buffer.from(Float32Array.from(values).buffer);
}
