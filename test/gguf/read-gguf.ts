/** Reads GGUF as specified, to test the code that writes it: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md */
export interface Gguf {
  readonly metadata: ReadonlyMap<string, unknown>;
  readonly tensors: readonly Tensor[];
  /** The bytes from the first tensor to the end of the file. */
  readonly dataBytes: number;
}

export interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly offset: number;
  readonly values: Float32Array;
}

const ALIGNMENT = 32;
const F32 = 0;

/** @throws Error on anything unknown */
export function readGguf(file: Buffer): Gguf {
  const reader = new Reader(file);
  if (reader.bytes(4).toString('latin1') !== 'GGUF') throw new Error('this is not GGUF');
  if (reader.u32() !== 3) throw new Error('this is not version 3');
  const tensorCount = reader.u64();
  const metadata = new Map(reader.times(reader.u64(), () => [reader.string(), reader.value(reader.u32())]));
  const described = reader.times(tensorCount, () => ({
    name: reader.string(),
    shape: reader.times(reader.u32(), () => reader.u64()),
    type: reader.u32(),
    offset: reader.u64(),
  }));
  const start = Math.ceil(reader.at / ALIGNMENT) * ALIGNMENT;
  const tensors = described.map(({ name, shape, type, offset }) => {
    if (type !== F32) throw new Error(`${name} does not contain 32-bit floats`);
    const length = shape.reduce((product, extent) => product * extent, 1);
    // A copy, because a typed array must start at a multiple of its element size.
    const bytes = Uint8Array.from(file.subarray(start + offset, start + offset + 4 * length));
    return { name, shape, offset, values: new Float32Array(bytes.buffer) };
  });
  return { metadata, tensors, dataBytes: file.length - start };
}

class Reader {
  at = 0;

  constructor(private readonly file: Buffer) {}

  bytes(length: number): Buffer {
    this.at += length;
    return this.file.subarray(this.at - length, this.at);
  }

  u32(): number {
    return this.bytes(4).readUInt32LE();
  }

  u64(): number {
    return Number(this.bytes(8).readBigUInt64LE());
  }

  string(): string {
    return this.bytes(this.u64()).toString('utf8');
  }

  times<T>(count: number, read: () => T): T[] {
    return Array.from({ length: count }, read);
  }

  /** Reads a value of one of the types that occur here. */
  value(type: number): unknown {
    switch (type) {
      case 4:
        return this.u32();
      case 5:
        return this.bytes(4).readInt32LE();
      case 6:
        return this.bytes(4).readFloatLE();
      case 7:
        return this.bytes(1).readUInt8() === 1;
      case 8:
        return this.string();
      case 9: {
        const element = this.u32();
        return this.times(this.u64(), () => this.value(element));
      }
      default:
        throw new Error(`unsupported metadata type ${type}`);
    }
  }
}
