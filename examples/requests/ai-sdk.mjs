// Vercel's AI SDK: npm install ai @ai-sdk/openai-compatible
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { streamText } from 'ai';

const { MMM_URL = 'http://127.0.0.1:8007', MMM_MODEL = 'llama3', MMM_KEY = 'none' } = process.env;
const provider = createOpenAICompatible({ name: 'mmm', baseURL: `${MMM_URL}/v1`, apiKey: MMM_KEY });

const { textStream } = streamText({ model: provider(MMM_MODEL), prompt: 'hello' });
for await (const text of textStream) process.stdout.write(text);
console.log();
