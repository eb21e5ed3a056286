import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { Metrics } from '../../src/telemetry/metrics.js';
import { openFolder } from '../embedded-postgres/folders.js';
import { startService } from '../service.js';
import { readManifest } from './kustomization.js';
import { Tree } from './tree.js';

const COMPONENTS = 'deploy/kubernetes/components';
const RULES = readManifest(`${COMPONENTS}/prometheusrule/prometheusrule.yaml`).at('spec');
const ALERTS = RULES.at('groups')
  .items()
  .flatMap((group) => group.at('rules').items());
const TESTS = `${COMPONENTS}/prometheusrule/alerts.test.yaml`;
/** Of Prometheus (Debian: the package prometheus); used only if it is installed. */
const PROMTOOL = 'promtool';
const HAS_PROMTOOL = spawnSync(PROMTOOL, ['--version']).status === 0;

/** Labels that Prometheus adds when it scrapes, by the ServiceMonitor. */
const OF_THE_TARGET = ['namespace', 'pod', 'service'];

interface Use {
  readonly metric: string;
  readonly labels: readonly string[];
}

/** The metrics of a PromQL expression, each with the labels that it is selected and grouped by. */
function usesOf(expression: string): readonly Use[] {
  const groups = /\b(?:by|on) \(([^)]*)\)/g;
  const grouped = [...expression.matchAll(groups)].flatMap(([, list = '']) => list.split(/,\s*/));
  return [
    ...expression.replaceAll(groups, '').matchAll(/\b((?:mmm|gen_ai|process|nodejs)_\w+)(?:\{([^}]*)\})?/g),
  ].map(([, metric = '', inner = '']) => ({
    metric,
    labels: [...inner.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label = '']) => label).concat(grouped),
  }));
}

describe('the alerts and the dashboard', () => {
  const dashboard = new Tree(JSON.parse(readFileSync(`${COMPONENTS}/dashboard/dashboard.json`, 'utf8')));
  const panels = dashboard
    .at('panels')
    .items()
    .filter((panel) => panel.at('type').value !== 'row');
  const queries = panels.flatMap((panel) =>
    panel
      .at('targets')
      .items()
      .map((target) => target.at('expr').text),
  );
  const variables = dashboard
    .at('templating', 'list')
    .items()
    .flatMap((variable) => {
      const [, metric, label] =
        /^label_values\((.*), (\w+)\)$/.exec(String(variable.at('query', 'query').value)) ?? [];
      return metric === undefined ? [] : [`sum by (${label}) (${metric})`];
    });

  /** The labels of every metric of a running service, by the name that queries use. */
  const known = new Map<string, ReadonlySet<string>>();
  beforeAll(async () => {
    const service = await startService();
    for (const { name, type, labelNames } of service.app.get(Metrics).families)
      for (const suffix of type === 'histogram' ? ['_bucket', '_sum', '_count'] : [''])
        known.set(name + suffix, new Set([...labelNames, ...(suffix === '_bucket' ? ['le'] : [])]));
    for (const [, name = ''] of (await service.get('/metrics')).text.matchAll(
      /^# TYPE ((?:process|nodejs)_\w+) /gm,
    ))
      known.set(name, new Set());
    await service.stop();
  });

  it('use only metrics that the service has, with labels that these have', () => {
    const unknown = [...ALERTS.map((alert) => alert.at('expr').text), ...queries, ...variables].flatMap(
      (expression) => {
        const uses = usesOf(expression);
        expect([expression, uses.length > 0]).toEqual([expression, true]);
        return uses.flatMap(({ metric, labels }) => {
          const has = known.get(metric);
          if (has === undefined) return [metric];
          return labels
            .filter((label) => !has.has(label) && !OF_THE_TARGET.includes(label))
            .map((label) => `${metric}{${label}}`);
        });
      },
    );
    expect(unknown).toEqual([]);
  });

  it('are eight alerts, each with a summary, what to do, and a heading in the runbook', () => {
    const runbook = readFileSync('docs/operations.md', 'utf8').matchAll(/^#+ (Mmm\w+)$/gm);
    const headings = [...runbook].map(([, heading = '']) => heading);
    expect(headings).toEqual(ALERTS.map((alert) => alert.at('alert').text));
    expect(ALERTS).toHaveLength(8);
    for (const alert of ALERTS) {
      expect(alert.at('labels', 'severity').text).toMatch(/^(critical|warning)$/);
      for (const annotation of ['summary', 'description'])
        expect(alert.at('annotations', annotation).text).toMatch(/\.$/);
      expect(alert.at('annotations', 'runbook_url').text).toBe(
        `docs/operations.md#${alert.at('alert').text.toLowerCase()}`,
      );
    }
  });

  it('has a panel for each question, whose titles differ and which do not overlap', () => {
    const titles = panels.map((panel) => panel.at('title').text);
    expect(new Set(titles).size).toBe(titles.length);
    const cells = panels.flatMap((panel) => {
      const [x, y, w, h] = (['x', 'y', 'w', 'h'] as const).map(
        (field) => panel.at('gridPos', field).number,
      ) as [number, number, number, number];
      return Array.from({ length: w * h }, (_, at) => `${x + (at % w)},${y + Math.floor(at / w)}`);
    });
    expect(new Set(cells).size).toBe(cells.length);
  });

  it('are tested one by one: each fires in one case, and does not in another', () => {
    const cases = readManifest(TESTS)
      .at('tests')
      .items()
      .flatMap((test) => test.at('alert_rule_test').items());
    for (const alert of ALERTS.map((each) => each.at('alert').text)) {
      const fires = cases
        .filter((each) => each.at('alertname').value === alert)
        .map((each) => each.at('exp_alerts').items().length > 0);
      expect([alert, fires.includes(true), fires.includes(false)]).toEqual([alert, true, true]);
    }
  });

  it.skipIf(!HAS_PROMTOOL)('are valid PromQL, as is every query of the dashboard, by promtool', () => {
    const rules = queries.map((query, at) => ({
      record: `query_${at}`,
      expr: query.replaceAll('$__rate_interval', '5m'),
    }));
    const file = join(openFolder(), 'rules.yaml');
    writeFileSync(
      file,
      stringify({ groups: [{ name: 'dashboard', rules }, ...(RULES.at('groups').value as object[])] }),
    );
    const { stdout, stderr } = spawnSync(PROMTOOL, ['check', 'rules', file], { encoding: 'utf8' });
    expect([stdout, stderr]).toEqual([
      expect.stringContaining(`${rules.length + ALERTS.length} rules found`),
      '',
    ]);
  });

  it('fire as their test says, by the commands of the page on operations', () => {
    const folder = openFolder();
    cpSync('deploy', join(folder, 'deploy'), { recursive: true });
    const [, commands = ''] =
      /```sh\n(cd [^`]*promtool test rules[^`]*)```/.exec(readFileSync('docs/operations.md', 'utf8')) ?? [];
    const tried = HAS_PROMTOOL ? commands : commands.replace(/^promtool.*$/m, '');
    const { status, stdout, stderr } = spawnSync('sh', ['-ec', tried], { cwd: folder, encoding: 'utf8' });
    const output = HAS_PROMTOOL ? /SUCCESS/ : /^$/;
    expect([status, stdout + stderr]).toEqual([0, expect.stringMatching(output)]);
    const written = readFileSync(join(folder, `${COMPONENTS}/prometheusrule/alerts.yaml`), 'utf8');
    expect(parse(written)).toEqual(RULES.value);
  });
});
