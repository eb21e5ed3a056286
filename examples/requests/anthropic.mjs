// Anthropic's client with any model: npm install @anthropic-ai/sdk
import Anthropic from '@anthropic-ai/sdk';

const { MMM_URL = 'http://127.0.0.1:8007', MMM_MODEL = 'llama3', MMM_KEY = 'none' } = process.env;
const client = new Anthropic({ baseURL: MMM_URL, apiKey: MMM_KEY });

const stream = client.messages.stream({
  model: MMM_MODEL,
  max_tokens: 200,
  messages: [{ role: 'user', content: 'hello' }],
});
stream.on('text', (text) => process.stdout.write(text));
await stream.finalMessage();
console.log();
