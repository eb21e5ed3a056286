// OpenAI's client for JavaScript: npm install openai
import OpenAI from 'openai';

const { MMM_URL = 'http://127.0.0.1:8007', MMM_MODEL = 'llama3', MMM_KEY = 'none' } = process.env;
const client = new OpenAI({ baseURL: `${MMM_URL}/v1`, apiKey: MMM_KEY });

const stream = await client.chat.completions.create({
  model: MMM_MODEL,
  messages: [{ role: 'user', content: 'hello' }],
  stream: true,
});
for await (const { choices } of stream) process.stdout.write(choices[0]?.delta.content ?? '');
console.log();
