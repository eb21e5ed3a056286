import fc from 'fast-check';

// A law that fails prints its seed; TEST_SEED repeats it.
const seed = process.env['TEST_SEED'];
if (seed !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(seed) });
