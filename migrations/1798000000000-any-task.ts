import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Workers that take whatever their API offers. Adds a column only, and keeps `task` filled: the release before reads it,
 * and goes on treating such a worker as one that chats.
 */
export class AnyTask1798000000000 implements MigrationInterface {
  readonly name = 'AnyTask1798000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE worker ADD COLUMN any_task boolean NOT NULL DEFAULT false;
      COMMENT ON COLUMN worker.any_task IS 'Takes whatever its API offers, such as chat and embeddings: registered without a task, protocol openai or anthropic. task has no meaning then.';
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE worker DROP COLUMN any_task;
    `);
  }
}
