import { it } from 'vitest';
import { geminiSchema, ReferenceBudget } from './gemini-schema.js';
it('t', () => {
  const $defs = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`d${n}`, { properties: { a: { $ref: `#/$defs/d${n + 1}` }, b: { $ref: `#/$defs/d${n + 1}` } } }]));
  for (let i = 0; i < 3; i++) {
    const t = performance.now();
    try { geminiSchema({ $defs, $ref: '#/$defs/d0' } as never, 'f', new ReferenceBudget()); } catch {}
    console.log(performance.now() - t);
  }
  const chain = Object.fromEntries(Array.from({ length: 5000 }, (_, n) => [`d${n}`, { items: { $ref: `#/$defs/d${n + 1}` } }]));
  const t = performance.now();
  try { geminiSchema({ $defs: chain, $ref: '#/$defs/d0' } as never, 'f', new ReferenceBudget()); } catch {}
  console.log('chain', performance.now() - t);
});
