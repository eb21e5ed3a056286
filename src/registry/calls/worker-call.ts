import type { InferenceSettings } from '../../config/settings.js';
import type { SecretLookup } from '../../template/placeholders.js';
import { compileApiCall } from './api-call.js';
import { compileTemplateCall } from './template-call.js';
import type { WorkerCall } from '../worker.js';
import type { WorkerDefinition } from '../worker-definition.js';

/**
 * Compiles a definition, once. `header` holds all headers, the sealed ones opened.
 * @throws InvalidInputError with every fault, named by field
 */
export function compileCall(
  definition: WorkerDefinition,
  header: Readonly<Record<string, string>>,
  secrets: SecretLookup,
  waits: InferenceSettings,
): WorkerCall {
  const { protocol } = definition;
  return protocol === 'template'
    ? compileTemplateCall(definition, header, secrets, waits)
    : compileApiCall(protocol, definition, header, secrets, waits);
}
