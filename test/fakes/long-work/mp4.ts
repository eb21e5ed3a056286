/**
 * The smallest MP4 that players open: a file type and a movie header without a track, so it lasts 0 seconds. Stand-ins for video
 * models answer with it: they film nothing.
 */
export function emptyMp4(): Buffer {
  const brand = Buffer.concat([Buffer.from('isom'), uint32(512), Buffer.from('isomiso2mp41')]);
  return Buffer.concat([box('ftyp', brand), box('moov', box('mvhd', movieHeader()))]);
}

/** ISO/IEC 14496-12, 8.2.2. */
function movieHeader(): Buffer {
  const identity = [0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000];
  return Buffer.concat([
    // Version and flags, creation and modification time, 1000 units a second, duration 0.
    ...[0, 0, 0, 1000, 0].map(uint32),
    // Normal speed and volume; reserved.
    uint32(0x10000),
    Buffer.from([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    ...identity.map(uint32),
    // Pre-defined; the id that a next track would have.
    Buffer.alloc(24),
    uint32(1),
  ]);
}

function box(type: string, content: Buffer): Buffer {
  return Buffer.concat([uint32(8 + content.length), Buffer.from(type), content]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
