/** Runs the packed service, and keeps V8's compiled code for the next start. Node 20 has no compile cache of its own. */
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createRequire } = require('node:module');
const path = require('node:path');
const { constants, Script } = require('node:vm');

const filename = path.join(__dirname, '../../dist/packed/service/service.cjs');
const cache = `${filename}.${process.version}.cache`;

let isKept = false;
const cachedData = compiledBefore();
const script = new Script(
  `(function (exports, require, module, __filename, __dirname) {${readFileSync(filename, 'utf8')}\n})`,
  { filename, cachedData, importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER },
);
const packed = { exports: {} };
script.runInThisContext()(packed.exports, createRequire(filename), packed, filename, path.dirname(filename));
if (cachedData === undefined) {
  // Replicas are often killed, so the first one does not wait for its end.
  setTimeout(keepCompiled, 2_000).unref();
  process.on('exit', keepCompiled);
}

function compiledBefore() {
  try {
    return readFileSync(cache);
  } catch {
    return undefined;
  }
}

/** It holds every function that has run. Renamed when whole, because other processes read it. */
function keepCompiled() {
  if (isKept) return;
  isKept = true;
  writeFileSync(`${cache}.${process.pid}`, script.createCachedData());
  renameSync(`${cache}.${process.pid}`, cache);
}
