import { geminiFault, type GeminiBody, type GoogleServer } from '../../fakes/strict-gemini.js';
import { type Fields, fieldsIn, objectsIn, piecesOf, type Reply, textIn, USAGE } from '../model.js';
import { toolsIn, type Wire } from './wire.js';

export const gemini = (server: GoogleServer): Wire => ({
  received: (body) => {
    const parts = objectsIn(body['contents']).flatMap((content) => objectsIn(content['parts']));
    const results = parts.flatMap((part) => {
      const response = fieldsIn(fieldsIn(part['functionResponse'])['response']);
      return part['functionResponse'] === undefined ? [] : [textIn(response['output'])];
    });
    const config = fieldsIn(fieldsIn(body['toolConfig'])['functionCallingConfig']);
    const [name] = (config['allowedFunctionNames'] ?? []) as readonly string[];
    const mode = { ANY: 'required', AUTO: 'auto', NONE: 'none' }[textIn(config['mode'])];
    return { hasTools: toolsIn(body), choice: name ?? mode, results };
  },
  isStream: (_, url) => url.includes('alt=sse'),
  whole: (reply) => geminiAnswer(geminiParts(reply), true),
  stream: (reply) => {
    const parts = geminiParts(reply).flatMap((part) =>
      'text' in part && !('thought' in part)
        ? piecesOf(textIn(part['text'])).map((text) => ({ text }))
        : [part],
    );
    return parts.map((part, index) => ({ data: geminiAnswer([part], index === parts.length - 1) }));
  },
  error: (message) => ({ error: { code: 400, message, status: 'INVALID_ARGUMENT' } }),
  fault: (body, url) => {
    const [, model = ''] = /\/models\/([^:?]+):/.exec(url) ?? [];
    return geminiFault(server, model, body as unknown as GeminiBody);
  },
});

function geminiParts({ text, reasoning, calls }: Reply): readonly Fields[] {
  return [
    ...(reasoning === null ? [] : [{ text: reasoning, thought: true }]),
    ...(text === '' ? [] : [{ text }]),
    ...calls.map(({ name, city }, index) => ({
      functionCall: { name, args: { city } },
      ...(index === 0 ? { thoughtSignature: 'c2ln' } : {}),
    })),
  ];
}

function geminiAnswer(parts: readonly object[], isLast: boolean): object {
  return {
    candidates: [{ content: { role: 'model', parts }, ...(isLast ? { finishReason: 'STOP' } : {}) }],
    usageMetadata: {
      promptTokenCount: USAGE.input,
      candidatesTokenCount: USAGE.output,
      totalTokenCount: USAGE.input + USAGE.output,
    },
  };
}
