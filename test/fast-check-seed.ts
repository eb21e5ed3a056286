// A law that fails prints its seed; TEST_SEED repeats it. Laws that need no repeating do not pay for the import.
const seed = process.env['TEST_SEED'];
if (seed !== undefined) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
}

export {};
