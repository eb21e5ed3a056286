import { defineConfig } from 'vite';

/** Nest loads optional packages by `createRequire`, which no bundler follows: they would be loaded a second time, from node_modules. */
const bundleOptional = {
  name: 'bundle-optional',
  enforce: 'pre',
  transform: {
    filter: { id: /\/node_modules\/@nestjs\// },
    handler: (code) =>
      code
        .replace(/^const require = createRequire\(import\.meta\.url\);$/m, '')
        .replaceAll(/createRequire\(import\.meta\.url\)(?=\()/g, 'require'),
  },
};

/**
 * The parameters of a CommonJS module, which load-service.ts would have to copy 9 MB to add. V8 keeps a source that has a
 * character above U+00FF with two bytes for each.
 */
const readyForV8 = {
  name: 'ready-for-v8',
  generateBundle(_options, bundle) {
    for (const chunk of Object.values(bundle)) {
      const code = chunk.code.replaceAll(
        /[\u0080-\uffff]/g,
        (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`,
      );
      chunk.code = `(function (exports, require, module, __filename, __dirname) {${code}\n})`;
    }
  },
};

/**
 * The built service and its packages in one file, because 3,400 small ones take most of a start. It is as readable as the
 * build, so that stack traces are; its comments name the sources.
 */
export default defineConfig({
  publicDir: false,
  plugins: [bundleOptional, readyForV8],
  // What is both imported and required comes once.
  resolve: { mainFields: ['main'] },
  ssr: { noExternal: true, external: ['pg-native', 'swagger-ui-dist'] },
  build: {
    ssr: 'dist/src/bundle/service.js',
    target: 'node20',
    outDir: 'dist/src/bundle',
    emptyOutDir: false,
    minify: false,
    rolldownOptions: {
      output: {
        format: 'cjs',
        codeSplitting: false,
        keepNames: true,
        comments: false,
        // Node 20 cannot import from compiled code.
        dynamicImportInCjs: false,
        entryFileNames: 'service.cjs',
      },
    },
  },
});
