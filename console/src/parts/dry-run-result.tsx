import type { ComponentChildren } from 'preact';
import type { Schemas } from '../api/client';
import { pretty } from '../words/json';

export type DryRun = Schemas['DryRunAnswerDto'];

/** What would be sent, what came back, and what a client would get. */
export function DryRunResult({ run }: { readonly run: DryRun }) {
  const { request, response, extracted, problem, usage, warning, path_steps = [], keys } = run;
  return (
    <>
      <div class="pair">
        <div>
          <h3>Request</h3>
          {request === null ? (
            <p class="sub">It cannot be made.</p>
          ) : (
            <pre tabIndex={0} aria-label="Request">
              {`${request.method} ${request.url}\n`}
              {Object.entries(request.headers).map(([name, value]) => `${name}: ${value}\n`)}
              {`\n${prettyText(request.body ?? '')}`}
            </pre>
          )}
        </div>
        <div>
          <h3>Answer {response !== undefined && <span class="tag">{response.status}</span>}</h3>
          {response === undefined ? (
            <p class="sub">The server was not called.</p>
          ) : (
            <pre class="json" tabIndex={0} aria-label="Answer">
              <Lit text={response.body} steps={path_steps} isFound={problem === undefined} />
            </pre>
          )}
        </div>
      </div>
      <div class="pad col">
        <h3>What a client gets</h3>
        {extracted !== undefined && <p>{extracted}</p>}
        {problem !== undefined && <p class="fault">{problem}</p>}
        {problem !== undefined && keys !== undefined && <p class="sub">Keys there: {keys.join(', ')}</p>}
        {usage !== undefined && (
          <p class="sub">
            {usage.input} tokens in, {usage.output} out
          </p>
        )}
        {extracted === undefined && problem === undefined && (
          <p class="sub">That is known when the server is called.</p>
        )}
        {warning !== undefined && <p class="sub">{warning}</p>}
      </div>
    </>
  );
}

function prettyText(text: string): string {
  try {
    return pretty(JSON.parse(text));
  } catch {
    return text;
  }
}

interface LitProps {
  readonly text: string;
  readonly steps: readonly (string | number)[];
  readonly isFound: boolean;
}

/** JSON whose keys on the way to the answer are lit. What is no JSON stays as it is. */
function Lit({ text, steps, isFound }: LitProps) {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return <>{text}</>;
  }
  return <>{lines(value, steps, isFound, '')}</>;
}

function lines(
  value: unknown,
  steps: readonly (string | number)[] | null,
  isFound: boolean,
  indent: string,
): ComponentChildren {
  if (typeof value !== 'object' || value === null) {
    const text = JSON.stringify(value);
    return steps?.length === 0 && isFound ? <span class="hit">{text}</span> : text;
  }
  const isList = Array.isArray(value);
  const further = `${indent}  `;
  const entries = Object.entries(value);
  return [
    isList ? '[' : '{',
    entries.map(([key, each], index) => {
      const isOn = steps !== null && steps.length > 0 && String(steps[0]) === key;
      return [
        `\n${further}`,
        !isList && (isOn ? <span class="lit">"{key}"</span> : JSON.stringify(key)),
        !isList && ': ',
        lines(each, isOn ? steps.slice(1) : null, isFound, further),
        index < entries.length - 1 && ',',
      ];
    }),
    entries.length > 0 && `\n${indent}`,
    isList ? ']' : '}',
  ];
}
