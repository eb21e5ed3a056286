import pg from 'pg';
import { type DatabaseAddress, pgOptions } from './data-source.js';

/**
 * The whole schema as one page of SQL, from the catalogue, in an order that does not change: migrations/schema.sql.
 * Reads alike on every supported PostgreSQL (NOT NULL is shown at the column, not as the constraint it is since 18).
 */
export async function describeSchema(address: DatabaseAddress, schema: string): Promise<string> {
  const client = new pg.Client(pgOptions(address));
  client.on('error', () => {});
  await client.connect();
  try {
    await client.query(`SET search_path = ${pg.escapeIdentifier(schema)}`);
    const parts: string[] = [];
    for (const sql of [TABLES, STORAGE, INDEXES, VIEWS, FUNCTIONS, TRIGGERS, COMMENTS]) {
      const { rows } = await client.query<{ text: string }>(sql, [schema]);
      parts.push(rows.map((row) => row.text).join('\n'));
    }
    return `-- The schema after all migrations, from the catalogue. Written by: npm run schema:write\n\n${parts.join('\n\n')}\n`;
  } finally {
    await client.end();
  }
}

const TABLES = `
SELECT format(E'CREATE TABLE %I (\\n%s\\n)%s;\\n', c.relname, string_agg(line, E',\\n' ORDER BY kind, place, line),
  coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')) AS text
FROM pg_class c, LATERAL (
  SELECT 1 AS kind, a.attnum AS place, format('  %I %s', a.attname, format_type(a.atttypid, a.atttypmod))
    || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    || CASE a.attidentity WHEN 'a' THEN ' GENERATED ALWAYS AS IDENTITY' ELSE '' END
    || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
  FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
  WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT 2, 0, format('  CONSTRAINT %I %s', k.conname, pg_get_constraintdef(k.oid))
  FROM pg_constraint k WHERE k.conrelid = c.oid AND k.contype <> 'n'
) AS lines
WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r'
GROUP BY c.relname, c.reloptions ORDER BY c.relname`;

/** Where a column is not stored as its type usually is. */
const STORAGE = `
SELECT format('ALTER TABLE %I ALTER COLUMN %I SET STORAGE %s;', c.relname, a.attname,
  CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END) AS text
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'r' AND a.attstorage <> t.typstorage
ORDER BY c.relname, a.attnum`;

const INDEXES = `
SELECT pg_get_indexdef(i.indexrelid) || ';' AS text
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = $1::regnamespace AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = i.indexrelid)
ORDER BY c.relname`;

const VIEWS = `
SELECT format(E'CREATE VIEW %I AS\\n%s', c.relname, pg_get_viewdef(c.oid, true)) AS text
FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind = 'v' ORDER BY c.relname`;

const FUNCTIONS = `
SELECT pg_get_functiondef(p.oid) || ';' AS text
FROM pg_proc p WHERE p.pronamespace = $1::regnamespace ORDER BY p.proname`;

const TRIGGERS = `
SELECT pg_get_triggerdef(t.oid, true) || ';' AS text
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = $1::regnamespace AND NOT t.tgisinternal ORDER BY c.relname, t.tgname`;

const COMMENTS = `
SELECT text FROM (
  SELECT c.relname AS name, 0 AS place, format('COMMENT ON %s %I IS %L;',
    CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.relname, obj_description(c.oid, 'pg_class')) AS text
  FROM pg_class c WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'v') AND obj_description(c.oid, 'pg_class') IS NOT NULL
  UNION ALL
  SELECT c.relname, a.attnum, format('COMMENT ON COLUMN %I.%I IS %L;', c.relname, a.attname, col_description(c.oid, a.attnum))
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
  WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'v') AND col_description(c.oid, a.attnum) IS NOT NULL
  UNION ALL
  SELECT p.proname, 0, format('COMMENT ON FUNCTION %I(%s) IS %L;', p.proname, pg_get_function_identity_arguments(p.oid), obj_description(p.oid, 'pg_proc'))
  FROM pg_proc p WHERE p.pronamespace = $1::regnamespace AND obj_description(p.oid, 'pg_proc') IS NOT NULL
) AS comments ORDER BY name, place`;
