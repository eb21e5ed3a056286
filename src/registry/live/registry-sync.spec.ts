import { describe, expect, it } from 'vitest';
import { DatabaseUnavailableError } from '../../database/database-unavailable-error.js';
import { OwnWrites } from './registry-sync.js';
import type { RegistrySync } from './registry-sync.js';

/** A look at the registry that ends as it is told to. */
class Look {
  readonly asked: (readonly string[])[] = [];

  constructor(private readonly error: Error | null) {}

  async reload(ids: readonly string[]): Promise<void> {
    this.asked.push(ids);
    if (this.error !== null) throw this.error;
  }
}

const ownWrites = (look: Look) => new OwnWrites(look as unknown as RegistrySync);

describe('what was committed here', () => {
  it('is looked at again', async () => {
    const look = new Look(null);
    await ownWrites(look).readYourWrites(['a', 'b']);
    expect(look.asked).toEqual([['a', 'b']]);
  });

  it('stays committed when the database leaves before it is seen', async () => {
    const look = new Look(new DatabaseUnavailableError(new Error('gone')));
    await expect(ownWrites(look).readYourWrites(['a'])).resolves.toBeUndefined();
  });

  it('hides no error of ours', async () => {
    const look = new Look(new TypeError('ours'));
    await expect(ownWrites(look).readYourWrites(['a'])).rejects.toThrow('ours');
  });
});
