// LangChain: npm install @langchain/openai @langchain/core
import { ChatOpenAI } from '@langchain/openai';

const { MMM_URL = 'http://127.0.0.1:8007', MMM_MODEL = 'llama3', MMM_KEY = 'none' } = process.env;
const chat = new ChatOpenAI({
  model: MMM_MODEL,
  apiKey: MMM_KEY,
  configuration: { baseURL: `${MMM_URL}/v1` },
});

for await (const chunk of await chat.stream('hello')) process.stdout.write(chunk.text);
console.log();
