import { useState } from 'preact/hooks';
import { session } from '../../api/session';
import { Choice } from '../../parts/choice';
import { Code } from '../../parts/code';

interface CopyProps {
  readonly path: string;
  readonly body: object;
  readonly worker: string;
}

const LANGUAGES = [
  ['curl', 'curl'],
  ['JS', 'JS'],
  ['Python', 'Python'],
] as const;

/** The same request from elsewhere. Where no key is needed, none is shown. */
export function CopyAs({ path, body, worker }: CopyProps) {
  const [language, setLanguage] = useState<(typeof LANGUAGES)[number][0]>('curl');
  const text = { curl: curlOf, JS: script, Python: python }[language]({ path, body, worker });
  return (
    <section class="panel" aria-label="Copy as">
      <header>
        <h2>Copy as</h2>
        <span class="grow" />
        <Choice label="Language" kind="seg" options={LANGUAGES} value={language} onPick={setLanguage} />
      </header>
      <div class="pad">
        <Code text={text} />
      </div>
    </section>
  );
}

const needsKey = (): boolean => session.value?.protected_mode !== true;

/** A command for sh, as it is; where a key is needed, it comes from `$MMM_KEY`. */
export function curlOf({
  path,
  body,
  worker = '',
}: Omit<CopyProps, 'worker'> & { readonly worker?: string }): string {
  // In single quotes of sh, only the quote itself needs care.
  const json = JSON.stringify(body, null, 2).replaceAll("'", String.raw`'\''`);
  const headers = [
    "-H 'Content-Type: application/json'",
    ...(needsKey() ? ['-H "Authorization: Bearer $MMM_KEY"'] : []),
    ...(worker === '' ? [] : [`-H 'x-mmm-worker: ${worker}'`]),
  ];
  return `curl ${/"stream": true/.test(json) ? '-N ' : ''}${location.origin}${path} \\\n  ${headers.join(' \\\n  ')} \\\n  -d '${json}'`;
}

function script({ path, body, worker }: CopyProps): string {
  const headers = [
    "'content-type': 'application/json'",
    ...(needsKey() ? ['authorization: `Bearer ${process.env.MMM_KEY}`'] : []),
    ...(worker === '' ? [] : [`'x-mmm-worker': '${worker}'`]),
  ];
  return `const answer = await fetch('${location.origin}${path}', {
  method: 'POST',
  headers: { ${headers.join(', ')} },
  body: JSON.stringify(${JSON.stringify(body, null, 2).replaceAll('\n', '\n  ')}),
});
console.log(await answer.text());`;
}

function python({ path, body, worker }: CopyProps): string {
  // JSON in a string of JSON is a literal of Python, too.
  const headers = [
    '"Content-Type": "application/json"',
    ...(needsKey() ? ['"Authorization": "Bearer " + os.environ["MMM_KEY"]'] : []),
    ...(worker === '' ? [] : [`"x-mmm-worker": "${worker}"`]),
  ];
  return `import os, urllib.request

request = urllib.request.Request(
    "${location.origin}${path}",
    data=${JSON.stringify(JSON.stringify(body))}.encode(),
    headers={${headers.join(', ')}},
)
print(urllib.request.urlopen(request).read().decode())`;
}
