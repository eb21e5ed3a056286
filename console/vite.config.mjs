import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompressSync, constants } from 'node:zlib';
import { gzip } from '@gfx/zopfli';
import { defineConfig } from 'vite';

const ROOT = import.meta.dirname;
const OUT = join(ROOT, '../dist/console');
const LARGEST = { params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY } };

/** What Vite puts at the end of the head. */
const ASSETS = / *<(?:script type="module"|link rel="stylesheet").*\n/g;

/**
 * Two pages: the first screen requests what it reads before its script is there, and `index.html` serves the others. Script and
 * styles go first: the service answers in turn, and a list takes it longer than a file.
 */
const pages = {
  name: 'pages',
  closeBundle() {
    const built = readFileSync(join(OUT, 'index.html'), 'utf8');
    const assets = built.match(ASSETS).join('');
    const page = built.replace(ASSETS, '').replace(/ *<link rel="preload"/, `${assets}$&`);
    writeFileSync(join(OUT, 'workers.html'), page.replaceAll(/ *<!--.*?-->\n/g, ''));
    writeFileSync(join(OUT, 'index.html'), page.replace(/ *<!-- What[^]*<!-- end -->\n/, ''));
  },
};

/** Compresses once, here, so that the service never does while it serves. Zopfli's gzip is 3 % smaller than zlib's. */
const precompress = {
  name: 'precompress',
  async closeBundle() {
    for (const name of readdirSync(OUT, { recursive: true })) {
      if (!/\.(html|js|css|svg)$/.test(name)) continue;
      const file = join(OUT, name);
      const bytes = readFileSync(file);
      writeFileSync(`${file}.gz`, await promisify(gzip)(bytes, {}));
      writeFileSync(`${file}.br`, brotliCompressSync(bytes, LARGEST));
    }
  },
};

/** Vite's own loads the styles and scripts that a chunk names; here is none. */
const plainImports = {
  name: 'plain-imports',
  enforce: 'pre',
  load: {
    filter: { id: /\0vite\/preload-helper/ },
    handler: () => 'export const __vitePreload = (load) => load()',
  },
};

/**
 * Two chunks, because text compresses better with its like: what the page of workers needs, and all the rest, which is loaded
 * with the first other screen. A chunk a screen costs a tenth more in all.
 */
const FIRST = [
  /node_modules\//,
  /console\/src\/(?:api|live|words)\/(?!edit|events|list|json|nearest)/,
  /console\/src\/\w+\.tsx?$/,
  /console\/src\/parts\/(?:bar|figure|icon|note|palette-state|screen|state|strip|switch|theme|time|toast|top-bar)\./,
  /console\/src\/screens\/(?:lazy|workers\/(?!drawer|first-start))/,
];
const isFirst = (id) => FIRST.some((pattern) => pattern.test(id));
const codeSplitting = {
  groups: [
    { name: 'first', test: isFirst },
    { name: 'more', test: (id) => !isFirst(id) && !/\.html$|styles\//.test(id) },
  ],
};

// A test run builds as a release does.
process.env.NODE_ENV = 'production';

export default defineConfig(({ command }) => ({
  root: ROOT,
  base: '/console/',
  publicDir: false,
  plugins: command === 'build' ? [plainImports, pages, precompress] : [],
  // Children as arguments are shorter than as a property.
  oxc: {
    jsx: { runtime: 'classic', pragma: 'h', pragmaFrag: 'Fragment' },
    jsxInject: "import { h, Fragment } from 'preact'",
  },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2022',
    // These know light-dark(), which is else written out for each colour.
    cssTarget: ['chrome123', 'edge123', 'firefox120', 'safari17.5'],
    // A data: URL is forbidden by the page's Content-Security-Policy.
    assetsInlineLimit: 0,
    // One file of styles, and no code that loads more of them: smaller in all.
    cssCodeSplit: false,
    modulePreload: false,
    reportCompressedSize: false,
    rolldownOptions: { output: { codeSplitting } },
  },
  // `npm run console:dev` serves the page with reloads; the API is that of a service that runs beside it.
  server: { proxy: { '^/(api|v1|auth|echo|health)': process.env.MMM_URL ?? 'http://127.0.0.1:8007' } },
}));
