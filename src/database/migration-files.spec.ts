import { describe, expect, it } from 'vitest';
import { migrationNames, nameOf, readMigrations } from './migration-files.js';

describe('the files of migrations', () => {
  it('get the name under which databases know them, oldest first', () => {
    const files = ['1806000000000-worker-trouble', '1796000000000-heartbeats-replicas-models'];
    const both = files.flatMap((base) => [`${base}.up.sql`, `${base}.down.sql`]);
    expect(migrationNames(both).map(({ recordedAs }) => recordedAs)).toEqual([
      'HeartbeatsReplicasModels1796000000000',
      'WorkerTrouble1806000000000',
    ]);
    expect(migrationNames(both).map(({ name }) => name)).toEqual(files.toSorted());
  });

  it.each([
    [['1806000000000-a.up.sql'], '1806000000000-a.down.sql is missing'],
    [['1806000000000-a.down.sql'], '1806000000000-a.up.sql is missing'],
    [['1806000000000-a.sql'], 'is named <13 digits>'],
    [['180600000-a.up.sql', '180600000-a.down.sql'], 'is named <13 digits>'],
    [['1806000000000-A.up.sql'], 'is named <13 digits>'],
    [
      ['a', 'b'].flatMap((what) => [`1806000000000-${what}.up.sql`, `1806000000000-${what}.down.sql`]),
      'another migration has the same stamp',
    ],
  ])('are refused, because one of them would never run: %j', (files, fault) => {
    expect(() => migrationNames(files)).toThrow(fault);
  });

  it('have one name in all outputs, also where only the table says that another release has them', () => {
    for (const { recordedAs, name } of readMigrations()) expect(nameOf(recordedAs)).toBe(name);
    expect(nameOf('FromTheFuture1999000000000')).toBe('1999000000000-from-the-future');
    expect(nameOf('made by hand')).toBe('made by hand');
  });

  it('of this release are all readable, and each says what it is for', () => {
    const migrations = readMigrations();
    expect(migrations.length).toBeGreaterThan(12);
    for (const { up, down } of migrations) {
      expect(up).toMatch(/^-- \S/);
      expect(down.trim()).not.toBe('');
    }
  });
});
