/** Runs the packed service, and keeps V8's compiled code for the next start. Node 20 has no compile cache of its own. */
require('../optimize-late.cjs');
const { readFileSync, renameSync, statSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { cachedDataVersionTag } = require('node:v8');
const { constants, Script } = require('node:vm');

const filename = path.join(__dirname, '../../dist/packed/service/service.cjs');
/** V8 refuses code that another version of it has compiled, or one with other flags. */
const cache = `${filename}.${cachedDataVersionTag()}.cache`;

const cachedData = compiledBefore();
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'utf8')}\n})`,
  { filename, cachedData, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER },
);
const packed = { exports: {} };
script.runInThisContext()(packed.exports, createRequire(filename), packed, filename, path.dirname(filename));
// Replicas are often killed, so it does not wait for their end. One that does not start at all has little to keep.
if (cachedData === undefined)
  for (const afterMs of [2_000, 10_000]) setTimeout(keepCompiled, afterMs).unref();

function compiledBefore() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

/** It holds every function that has run; the largest one is kept. Renamed when whole, because other processes read it. */
function keepCompiled() {
  const compiled = script.createCachedData();
  if (compiled.length <= (statSync(cache, { throwIfNoEntry: false })?.size ?? 0)) return;
  writeFileSync(`${cache}.${process.pid}`, compiled);
  renameSync(`${cache}.${process.pid}`, cache);
}
