import type { ModelEntity } from './model.entity.js';

/** What a person says about a model. Named as the columns are. */
export type ModelDefinition = Omit<
  ModelEntity,
  'name' | 'generation' | 'created_at' | 'updated_at' | 'updated_by'
>;
