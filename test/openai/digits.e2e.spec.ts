import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FakeUpstream, startFakeUpstream, text } from '../fakes/fake-upstream.js';
import { SELDOM_PROBED, startService, type TestService } from '../service.js';
import { mustRegister, stopAll } from './models.js';

/** More digits than a double has, a number that prints otherwise, and a key that an object would move to its front. */
const INPUT = '{"id":2512292042121000001,"rate":1.0,"7":[-0]}';
const AS_TEXT = JSON.stringify(INPUT);

/** The call in an answer of each protocol, as its server writes it. */
const ANSWERS = {
  openai: `{"choices":[{"message":{"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":${AS_TEXT}}}]},"finish_reason":"tool_calls"}]}`,
  anthropic: `{"content":[{"type":"tool_use","id":"a","name":"f","input":${INPUT}}],"stop_reason":"tool_use"}`,
  gemini: `{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":${INPUT}}}]},"finishReason":"STOP"}]}`,
};
type Protocol = keyof typeof ANSWERS;
const PROTOCOLS = Object.keys(ANSWERS) as Protocol[];

let service: TestService;
const upstreams = {} as Record<Protocol, FakeUpstream>;
beforeAll(async () => {
  service = await startService(SELDOM_PROBED);
  for (const protocol of PROTOCOLS) {
    const answer = text(ANSWERS[protocol], 200, { 'content-type': 'application/json' });
    const upstream = (upstreams[protocol] = await startFakeUpstream(answer));
    await mustRegister(service, {
      protocol,
      model_name: protocol,
      req_url_template: `${upstream.url}/v1`,
      health_check: { kind: 'none' },
    });
  }
});
afterAll(() =>
  stopAll(service, {
    stop: async () => {
      for (const upstream of Object.values(upstreams)) await upstream.close();
    },
  }),
);

const CALL = `{"id":"a","type":"function","function":{"name":"f","arguments":${AS_TEXT}}}`;
const FUNCTION = `{"type":"function","function":{"name":"f"}}`;
const openAiBody = (model: string) =>
  `{"model":"${model}","tools":[${FUNCTION}],"messages":[{"role":"user","content":"hi"},{"role":"assistant","tool_calls":[${CALL}]},{"role":"tool","tool_call_id":"a","content":${AS_TEXT}}]}`;
const USED = `{"type":"tool_use","id":"a","name":"f","input":${INPUT}}`;
const anthropicBody = (model: string) =>
  `{"model":"${model}","max_tokens":9,"tools":[{"name":"f","input_schema":{"type":"object"}}],"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[${USED}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"ok"}]}]}`;

describe.each(PROTOCOLS)('The digits in the arguments of a tool, by a worker of %s', (protocol) => {
  const inBody = protocol === 'openai' ? AS_TEXT : INPUT;

  it("reach the worker and OpenAI's client", async () => {
    const { text: answer } = await service.post('/v1/chat/completions', openAiBody(protocol));
    expect(answer).toContain(AS_TEXT);
    expect(upstreams[protocol].requests.at(-1)?.body).toContain(inBody);
  });

  it("reach the worker and Anthropic's client", async () => {
    const { text: answer } = await service.post('/v1/messages', anthropicBody(protocol));
    expect(answer).toContain(INPUT);
    expect(upstreams[protocol].requests.at(-1)?.body).toContain(inBody);
  });

  it("reach Anthropic's client in a stream of a worker that answers whole", async () => {
    const body = anthropicBody(protocol).replace('"max_tokens"', '"stream":true,"max_tokens"');
    const { text: events } = await service.post('/v1/messages', body);
    // Anthropic's own answer is passed through.
    expect(events).toContain(protocol === 'anthropic' ? INPUT : AS_TEXT);
  });
});

it('The digits in the result of a tool reach a worker that wants it as an object', async () => {
  await service.post('/v1/chat/completions', openAiBody('gemini'));
  expect(upstreams.gemini.requests.at(-1)?.body).toContain(`"response":${INPUT}`);
});
