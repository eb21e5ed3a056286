import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { readEnvironment } from '../../src/config/environment.js';
import { last } from './dockerfile.js';
import {
  IMAGE,
  IMAGE_ENVIRONMENT,
  LIVEZ,
  MANIFEST,
  READYZ,
  script,
  SECRETS,
  STOP_MARGIN_MS,
  strangers,
} from './facts.js';
import { manifestFiles, readKustomization, readManifest } from './kustomization.js';
import { Tree } from './tree.js';

const BASE = 'deploy/kubernetes';

/** Used only if it is installed. */
const KUBECTL = 'kubectl';

describe('deploy/kubernetes', () => {
  const { resources, files, settings, image } = readKustomization(BASE);
  const configuration = readEnvironment({ ...IMAGE_ENVIRONMENT, ...settings.values, ...SECRETS });
  const only = (kind: string): Tree => {
    const [found, ...more] = resources.filter((resource) => resource.at('kind').value === kind);
    if (found === undefined || more.length > 0) throw new Error(`there must be exactly one ${kind}`);
    return found;
  };
  const secret = readManifest(`${BASE}/secret.example.yaml`);
  const deployment = only('Deployment');
  const pod = deployment.at('spec', 'template', 'spec');
  const podLabels = deployment.at('spec', 'template', 'metadata', 'labels').value;
  const manager = pod.at('containers', 0);
  const migrate = pod.at('initContainers', 0);

  it('contains every manifest of its folder except the example of a Secret', () => {
    expect([...files, 'kustomization.yaml', 'secret.example.yaml'].toSorted()).toEqual(
      manifestFiles(BASE).toSorted(),
    );
  });

  it.skipIf(spawnSync(KUBECTL, ['version', '--client']).status !== 0)(
    'is read by kubectl in the same way',
    () => {
      const { stdout, stderr } = spawnSync(KUBECTL, ['kustomize', BASE], { encoding: 'utf8' });
      expect(stderr).toBe('');
      const made = parseAllDocuments(stdout).map((document) => new Tree(document.toJS()));
      const kinds = made.map((resource) => resource.at('kind').text);
      expect(kinds.toSorted()).toEqual(
        [...resources.map((resource) => resource.at('kind').text), 'ConfigMap'].toSorted(),
      );
      expect(made.find((resource) => resource.at('kind').value === 'ConfigMap')?.at('data').value).toEqual(
        settings.values,
      );
    },
  );

  it('sets only variables that the service accepts, and leaves migrations to the init container', () => {
    expect(strangers(Object.keys(settings.values))).toEqual([]);
    expect(configuration.database.migrateOnStart).toBe(false);
    expect(configuration.access.protectedMode).toBe(false);
  });

  it('has an example Secret with all required names, which cannot be used by mistake', () => {
    const values = secret.at('stringData').value ?? {};
    expect(Object.keys(values)).toEqual(Object.keys(SECRETS));
    const faults = () => readEnvironment({ ...IMAGE_ENVIRONMENT, ...values });
    expect(faults).toThrow(/ADMIN_API_KEY: what was given is not[^]*CREDENTIALS_KEYS: what was given is not/);
  });

  it('gives both containers the same image and the same settings', () => {
    const names = [
      { configMapRef: { name: settings.name } },
      { secretRef: { name: secret.at('metadata', 'name').text } },
    ];
    for (const container of [manager, migrate]) {
      expect(container.at('image').value).toBe(image.name);
      expect(container.at('envFrom').value).toEqual(names);
    }
    expect(image.tag).toBe(MANIFEST.at('version').value);
  });

  it('migrates with the command of `npm run migration:run`, before the service starts', () => {
    const command = migrate
      .at('command')
      .items()
      .map((word) => word.text);
    expect(command.join(' ')).toBe(script('migration:run'));
    const [, built = ''] = command;
    expect(existsSync(built.replace(/^dist\//, '').replace(/\.js$/, '.ts'))).toBe(true);
  });

  it('selects the pods that it creates', () => {
    expect(podLabels).toBeDefined();
    const selectors = [
      deployment.at('spec', 'selector', 'matchLabels'),
      only('Service').at('spec', 'selector'),
      only('PodDisruptionBudget').at('spec', 'selector', 'matchLabels'),
      ...pod
        .at('topologySpreadConstraints')
        .items()
        .map((each) => each.at('labelSelector', 'matchLabels')),
    ];
    for (const selector of selectors) expect(podLabels).toMatchObject(selector.value ?? { none: true });
    expect(pod.at('serviceAccountName').value).toBe(only('ServiceAccount').at('metadata', 'name').value);
  });

  it('connects the Service to the ports on which the service listens, with one for metrics alone', () => {
    const { port, metricsPort } = configuration.server;
    const ports = (list: Tree, field: string) =>
      list.items().map((each) => [each.at('name').value, each.at(field).value]);
    expect(ports(only('Service').at('spec', 'ports'), 'port')).toEqual([
      ['http', port],
      ['metrics', metricsPort],
    ]);
    expect(ports(manager.at('ports'), 'containerPort')).toEqual([
      ['http', port],
      ['metrics', metricsPort],
    ]);
    for (const each of only('Service').at('spec', 'ports').items())
      expect(each.at('targetPort').value).toBe(each.at('name').value);
  });

  it('probes paths that the service serves', () => {
    const path = (probe: string) => manager.at(probe, 'httpGet', 'path').value;
    expect([path('livenessProbe'), path('readinessProbe')]).toEqual([LIVEZ, READYZ]);
    expect(path('startupProbe')).toBe(LIVEZ);
  });

  it('lets every request finish before a pod is killed, including those that proxies still send to it', () => {
    const { drainTimeoutMs, shutdownDelayMs } = configuration.server;
    expect(pod.at('terminationGracePeriodSeconds').number * 1_000).toBeGreaterThanOrEqual(
      shutdownDelayMs + drainTimeoutMs + STOP_MARGIN_MS,
    );
    expect(drainTimeoutMs).toBeGreaterThanOrEqual(configuration.inference.requestTimeoutMs);
    // The cluster autoscaler removes a node after 600 s, whatever still runs there.
    expect(pod.at('terminationGracePeriodSeconds').number).toBeLessThan(600);
    const probe = manager.at('readinessProbe');
    const noticedMs = probe.at('periodSeconds').number * probe.at('failureThreshold').number * 1_000;
    expect(shutdownDelayMs).toBeGreaterThanOrEqual(noticedMs);
  });

  it('gives the heap half of the memory limit, because bodies and answers are buffers beside it', () => {
    const options = manager
      .at('env')
      .items()
      .find((variable) => variable.at('name').value === 'NODE_OPTIONS');
    const [, heapMiB] = /^--max-old-space-size=(\d+)$/.exec(options?.at('value').text ?? '') ?? [];
    expect(manager.at('resources', 'limits', 'memory').value).toBe('2Gi');
    expect(Number(heapMiB)).toBe(1024);
    expect(manager.at('resources', 'requests', 'ephemeral-storage').value).toBeDefined();
  });

  it('keeps all replicas during a rollout, and loses one at a time when a node is drained', () => {
    expect(deployment.at('spec', 'replicas').value).toBe(3);
    expect(deployment.at('spec', 'strategy', 'rollingUpdate', 'maxUnavailable').value).toBe(0);
    expect(only('PodDisruptionBudget').at('spec', 'maxUnavailable').value).toBe(1);
  });

  it('has minimal rights: not root, a read-only file system except its own folders, no token', () => {
    const { value: uid } = pod.at('securityContext', 'runAsUser');
    expect(pod.at('securityContext')).toMatchObject({
      value: { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(last(IMAGE, 'USER')).toBe(`${String(uid)}:${String(uid)}`);
    for (const container of [manager, migrate])
      expect(container.at('securityContext').value).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    const writable = manager
      .at('volumeMounts')
      .items()
      .map((mount) => mount.at('mountPath').value);
    expect(writable).toEqual(['/tmp', configuration.database.dataDir]);
    expect(only('ServiceAccount').at('automountServiceAccountToken').value).toBe(false);
    expect(pod.at('automountServiceAccountToken').value).toBe(false);
  });
});
