import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';

export type Service = typeof import('./service.js');

/** Made by `npm run build:service`. */
const BUNDLE = fileURLToPath(new URL('service.cjs', import.meta.url));
/** Made by compile-service.ts. */
export const COMPILED = `${BUNDLE}.compiled`;
/** 0 is V8's default. */
const HEAP_LIMITS = ['--max-old-space-size=0', '--max-semi-space-size=0'];

/**
 * Loads the service from its bundle, which takes a quarter of the CPU time of its 3,400 modules. The modules run where there
 * is no bundle (`npm run start:dev`), and with `--enable-source-maps`: stack traces then name files and lines of `src/`.
 */
export async function loadService(): Promise<Service> {
  const compiled = existsSync(COMPILED) ? readFileSync(COMPILED) : undefined;
  return process.sourceMapsEnabled || !existsSync(BUNDLE)
    ? import('./service.js')
    : loadBundle(compiled).service;
}

/** @param compiled what V8 compiled of the bundle in another process; V8 ignores it if it is of another Node or other flags */
export function loadBundle(compiled?: Buffer): { readonly service: Service; readonly script: Script } {
  // V8 takes compiled code only under the flags that it was compiled with. These change no code, and the heap has its limits by now.
  for (const flag of HEAP_LIMITS) setFlagsFromString(flag);
  const script = new Script(readFileSync(BUNDLE, 'latin1'), {
    filename: BUNDLE,
    ...(compiled !== undefined && { cachedData: compiled }),
  });
  const run = script.runInThisContext() as (...scope: readonly unknown[]) => void;
  const module = { exports: {} as Service };
  run(module.exports, createRequire(BUNDLE), module, BUNDLE, dirname(BUNDLE));
  return { service: module.exports, script };
}
