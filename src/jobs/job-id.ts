import { randomBytes } from 'node:crypto';

/**
 * A UUID of version 7 [RFC 9562, 5.7]: 48 bits of time, then chance. Rows that are made together stand together in the
 * indexes. Lower case, as ComfyUI requires of a `prompt_id`.
 */
export function newJobId(nowMs = Date.now(), random: Buffer = randomBytes(10)): string {
  const bytes = Buffer.alloc(16);
  bytes.writeUIntBE(nowMs, 0, 6);
  random.copy(bytes, 6, 0, 10);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x70, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
