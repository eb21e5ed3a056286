import { readFileSync } from 'node:fs';
import pg from 'pg';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { pgOptions } from '../../src/database/data-source.js';
import { databaseForTest } from '../database.js';
import { strangers } from './facts.js';
import { readKustomization } from './kustomization.js';
import { Tree } from './tree.js';

describe('docs/deploy.md', () => {
  const page = readFileSync('docs/deploy.md', 'utf8');
  const blocks = (language: string) =>
    [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, of, text = '']) =>
      of === language ? [text] : [],
    );

  it('names only variables that exist', () => {
    const names = new Set(page.match(/\b[A-Z]{2,}(_[A-Z]+)+\b/g));
    expect(strangers(names)).toEqual(['POSTGRES_PASSWORD', 'NODE_OPTIONS', 'WORKER_SECRET_NAME']);
  });

  it('shows an overlay that is valid YAML and changes the image by its name in the base', () => {
    const [overlay = ''] = blocks('yaml');
    const { image } = readKustomization('deploy/kubernetes');
    expect(new Tree(parse(overlay)).at('images', 0)).toMatchObject({
      value: { name: image.name, newTag: image.tag },
    });
  });

  describe('the database roles in docs/deploy.md', () => {
    const [reader = '', service = ''] = blocks('sql');

    /** Runs in a transaction that is rolled back, because roles belong to the whole server. */
    async function as(
      role: string,
      grants: string,
      use: (client: pg.Client) => Promise<void>,
    ): Promise<void> {
      const database = await databaseForTest();
      const client = new pg.Client(pgOptions(database.address));
      await client.connect();
      try {
        await client.query(`BEGIN; ${grants}; SET LOCAL ROLE ${role}`);
        await use(client);
      } finally {
        await client.end();
      }
    }

    it('let a reader read everything and change nothing', async () => {
      await as('mmm_reader', reader, async (client) => {
        for (const table of ['worker', 'worker_probe', 'worker_event', 'worker_overview'])
          expect((await client.query(`SELECT * FROM ${table}`)).rows).toEqual([]);
        await expect(client.query(`DELETE FROM worker`)).rejects.toThrow('permission denied');
      });
    });

    it('let the service work without changing the schema', async () => {
      await as('mmm_service', service, async (client) => {
        await client.query(`INSERT INTO worker (model_name, req_url_template) VALUES ('m', 'http://u/')`);
        await client.query(`UPDATE worker SET health = 'unhealthy', health_reason = 'no answer'`);
        const seen = await client.query('SELECT kind FROM worker_event ORDER BY id');
        expect(seen.rows).toEqual([{ kind: 'registered' }, { kind: 'unhealthy' }]);
        await client.query('LISTEN worker_changed');
        await client.query('DELETE FROM worker');
        await expect(client.query('DROP TABLE worker')).rejects.toThrow('must be owner');
      });
    });
  });
});
