import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { ENDPOINTS } from '../../src/inference/apis/endpoints.js';
import { temporaryFolder } from '../embedded-postgres/folders.js';
import { READYZ, strangers } from './facts.js';
import { readManifest } from './kustomization.js';
import { Tree } from './tree.js';

const BASE = 'deploy/kubernetes';
const COMPONENTS = `${BASE}/components`;
const NAMES = readdirSync(COMPONENTS);
/** Instead of each other. */
const ROUTES = ['httproute', 'ingress'];
/** Used only if it is installed. */
const KUBECTL = 'kubectl';
const HAS_KUBECTL = spawnSync(KUBECTL, ['version', '--client']).status === 0;

/** What `kubectl apply -k` would apply for an overlay of the base with these components. */
function build(components: readonly string[]): readonly Tree[] {
  const folder = temporaryFolder();
  const from = (path: string) => relative(folder, resolve(path));
  const overlay = {
    resources: [from(BASE)],
    components: components.map((name) => from(`${COMPONENTS}/${name}`)),
  };
  writeFileSync(join(folder, 'kustomization.yaml'), JSON.stringify(overlay));
  const { stdout, stderr } = spawnSync(KUBECTL, ['kustomize', folder], { encoding: 'utf8' });
  rmSync(folder, { recursive: true });
  expect(stderr).toBe('');
  return parseAllDocuments(stdout).map((document) => new Tree(document.toJS()));
}

const nameOf = (resource: Tree): string =>
  `${resource.at('kind').text}/${resource.at('metadata', 'name').text.replace(/-[a-z0-9]{10}$/, '')}`;

/** The names of each component's own resources; none for one that only patches. */
const ADDED: Readonly<Record<string, readonly string[]>> = {
  'admin-port': ['Service/multi-model-manager-admin'],
  dashboard: ['ConfigMap/multi-model-manager-dashboard'],
  'database-owner': [],
  hpa: ['HorizontalPodAutoscaler/multi-model-manager'],
  httproute: ['HTTPRoute/multi-model-manager', 'HTTPRoute/multi-model-manager-internal'],
  ingress: ['Ingress/multi-model-manager'],
  networkpolicy: ['NetworkPolicy/multi-model-manager'],
  'private-ca': [],
  prometheusrule: ['PrometheusRule/multi-model-manager'],
  'secret-files': [],
  servicemonitor: ['ServiceMonitor/multi-model-manager'],
};

describe.skipIf(!HAS_KUBECTL)('deploy/kubernetes/components', () => {
  const base = build([]);
  const deploymentOf = (resources: readonly Tree[]): Tree => {
    const found = resources.find((resource) => resource.at('kind').value === 'Deployment');
    return found?.at('spec') ?? new Tree(undefined);
  };

  it.each(NAMES)('%s adds what it is named after, alone', (name) => {
    const resources = build([name]);
    const added = resources.map(nameOf).filter((each) => !base.map(nameOf).includes(each));
    expect(added.toSorted()).toEqual(ADDED[name]);
    expect(resources).toHaveLength(base.length + added.length);
    // One that adds nothing changes the Deployment.
    expect([added, resources]).not.toEqual([[], base]);
  });

  describe('all together', () => {
    const all = build(NAMES);
    const pod = deploymentOf(all).at('template', 'spec');
    const [manager, migrate] = [pod.at('containers', 0), pod.at('initContainers', 0)];

    it('keep the containers of the base, with their settings, probes, rights and folders', () => {
      const before = deploymentOf(base).at('template', 'spec');
      for (const container of ['containers', 'initContainers'] as const) {
        const {
          env: _env,
          volumeMounts: _mounts,
          ports = [],
          ...rest
        } = before.at(container, 0).value as Record<string, unknown>;
        expect(pod.at(container, 0).value).toMatchObject(rest);
        expect(pod.at(container, 0, 'ports').value ?? []).toEqual(expect.arrayContaining(ports as unknown[]));
        expect(pod.at(container).items()).toHaveLength(1);
      }
      const paths = (tree: Tree) =>
        tree
          .at('volumeMounts')
          .items()
          .map((mount) => mount.at('mountPath').text);
      expect(paths(manager)).toEqual(expect.arrayContaining([...paths(before.at('containers', 0))]));
    });

    it('set only variables that the service or Node knows, and mount each volume that they name', () => {
      const variables = [manager, migrate].flatMap((container) =>
        container
          .at('env')
          .items()
          .map((variable) => variable.at('name').text),
      );
      expect(new Set(strangers(variables))).toEqual(new Set(['NODE_EXTRA_CA_CERTS', 'NODE_OPTIONS']));
      const volumes = pod
        .at('volumes')
        .items()
        .map((volume) => volume.at('name').text);
      const mounted = [manager, migrate].flatMap((container) =>
        container
          .at('volumeMounts')
          .items()
          .map((mount) => mount.at('name').text),
      );
      expect(new Set(mounted)).toEqual(new Set(volumes));
    });

    it('give the migration the URL of the owner, and the service its own', () => {
      const owned = { name: 'multi-model-manager-owner', key: 'DATABASE_URL' };
      expect(
        migrate
          .at('env')
          .items()
          .map((each) => each.at('valueFrom', 'secretKeyRef').value),
      ).toContainEqual(owned);
      expect(JSON.stringify(manager.value)).not.toContain('owner');
    });

    it('leave the number of replicas to the autoscaler, which never goes below that of the base', () => {
      const autoscaler = all.find((each) => each.at('kind').value === 'HorizontalPodAutoscaler');
      expect(deploymentOf(all).at('replicas').value).toBeUndefined();
      expect(autoscaler?.at('spec', 'minReplicas').value).toBe(deploymentOf(base).at('replicas').value);
      expect(autoscaler?.at('spec', 'scaleTargetRef', 'name').value).toBe('multi-model-manager');
    });

    it('name ports that the Service and the pod have', () => {
      const named = ['http', 'metrics', 'admin'];
      const inPod = manager
        .at('ports')
        .items()
        .map((port) => port.at('name').text);
      expect(inPod.toSorted()).toEqual(named.toSorted());
      const monitor = all.find((each) => each.at('kind').value === 'ServiceMonitor');
      expect(named).toContain(monitor?.at('spec', 'endpoints', 0, 'port').value);
      const policy = all.find((each) => each.at('kind').value === 'NetworkPolicy');
      const opened = policy
        ?.at('spec', 'ingress')
        .items()
        .flatMap((rule) => rule.at('ports').items());
      expect(opened?.map((port) => port.at('port').value)).toEqual(named);
    });

    it('let in to the admin port only what has its label', () => {
      const policy = all.find((each) => each.at('kind').value === 'NetworkPolicy');
      const rules = policy?.at('spec', 'ingress').items() ?? [];
      const [rule] = rules.filter((each) => JSON.stringify(each.at('ports').value).includes('"admin"'));
      const label = { matchLabels: { 'multi-model-manager/admin': 'true' } };
      expect(rule?.at('ports').value).toEqual([{ port: 'admin' }]);
      expect(rule?.at('from').value).toEqual([{ podSelector: label }, { namespaceSelector: label }]);
    });

    it('give ADMIN_PORT a Service of its own, which alone leads to it and which no route names', () => {
      const variable = manager
        .at('env')
        .items()
        .find((each) => each.at('name').text === 'ADMIN_PORT');
      const port = manager
        .at('ports')
        .items()
        .find((each) => each.at('name').text === 'admin');
      expect(variable?.at('value').text).toBe(String(port?.at('containerPort').value));
      const services = all.filter((each) => each.at('kind').value === 'Service');
      const leading = services.filter((each) => JSON.stringify(each.value).includes('"admin"'));
      expect(leading.map(nameOf)).toEqual(['Service/multi-model-manager-admin']);
      expect(
        leading[0]
          ?.at('spec', 'ports')
          .items()
          .map((each) => each.at('targetPort').value),
      ).toEqual(['admin']);
      const routes = all.filter((each) => ['HTTPRoute', 'Ingress'].includes(each.at('kind').text));
      expect(routes.length).toBeGreaterThan(0);
      expect(JSON.stringify(routes.map(({ value }) => value))).not.toContain('multi-model-manager-admin');
    });

    it('select the pods and the Service of the base', () => {
      const labels = { 'app.kubernetes.io/name': 'multi-model-manager' };
      const selectors = all.flatMap((each) => [
        each.at('spec', 'podSelector', 'matchLabels'),
        each.at('spec', 'selector', 'matchLabels'),
      ]);
      const given = selectors.filter(({ value }) => value !== undefined);
      expect(given.length).toBeGreaterThanOrEqual(3);
      for (const selector of given) expect(selector.value).toEqual(labels);
    });
  });
});

describe('the public routes', () => {
  const openapi = new Tree(JSON.parse(readFileSync('docs/openapi.json', 'utf8')));
  const paths = openapi
    .at('paths')
    .entries()
    .map(([path]) => path);
  const ruleOf = (path: Tree, type: unknown) => ({
    path: path.text,
    isPrefix: type === 'PathPrefix' || type === 'Prefix',
  });
  const publicPaths: Readonly<Record<string, readonly ReturnType<typeof ruleOf>[]>> = {
    httproute: readManifest(`${COMPONENTS}/httproute/public.yaml`)
      .at('spec', 'rules', 0, 'matches')
      .items()
      .map((match) => ruleOf(match.at('path', 'value'), match.at('path', 'type').value)),
    ingress: readManifest(`${COMPONENTS}/ingress/ingress.yaml`)
      .at('spec', 'rules', 0, 'http', 'paths')
      .items()
      .map((rule) => ruleOf(rule.at('path'), rule.at('pathType').value)),
  };
  const opens = (name: string, path: string): boolean =>
    publicPaths[name]?.some(
      (rule) => path === rule.path || (rule.isPrefix && path.startsWith(`${rule.path}/`)),
    ) === true;

  /** What clients of models call: OpenAI's and Anthropic's APIs, native calls, jobs. The rest is for operators and workers. */
  const isForClients = (path: string): boolean =>
    /^\/v1\/|^\/api\/v1\/(chat\/completions|jobs)(\/|$)/.test(path);

  it.each(ROUTES)('of %s reach every path for clients and no other path of the API', (name) => {
    expect(paths.filter((path) => opens(name, path))).toEqual(paths.filter(isForClients));
    for (const endpoint of Object.keys(ENDPOINTS)) expect(opens(name, `/v1${endpoint}`)).toBe(true);
    for (const path of [
      '/',
      '/docs',
      '/openapi.json',
      '/metrics',
      '/health',
      READYZ,
      '/api/server/register',
      '/api/v1/jobsx',
      '/v1x',
    ])
      expect([path, opens(name, path)]).toEqual([path, false]);
  });

  it('of the Gateway API have no timeouts of their own, because a stream has no end that a proxy could know', () => {
    for (const file of ['public.yaml', 'internal.yaml']) {
      const rules = readManifest(`${COMPONENTS}/httproute/${file}`).at('spec', 'rules').items();
      expect(rules.map((rule) => rule.at('timeouts').value)).toEqual([
        { request: '0s', backendRequest: '0s' },
      ]);
    }
  });

  it('and the internal one lead to the port of the Service', () => {
    const service = readManifest(`${BASE}/service.yaml`);
    const http = service.at('spec', 'ports', 0);
    for (const file of ['public.yaml', 'internal.yaml']) {
      const backend = readManifest(`${COMPONENTS}/httproute/${file}`).at(
        'spec',
        'rules',
        0,
        'backendRefs',
        0,
      );
      expect(backend.value).toEqual({
        name: service.at('metadata', 'name').value,
        port: http.at('port').value,
      });
    }
    for (const path of readManifest(`${COMPONENTS}/ingress/ingress.yaml`)
      .at('spec', 'rules', 0, 'http', 'paths')
      .items())
      expect(path.at('backend', 'service').value).toEqual({
        name: service.at('metadata', 'name').value,
        port: { name: http.at('name').value },
      });
  });
});
