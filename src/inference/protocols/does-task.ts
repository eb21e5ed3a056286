import type { WorkerTask } from '../../registry/worker.js';

/** Who chats can complete a text as well. `null`: whatever it does. */
export function doesTask(task: WorkerTask, wanted: WorkerTask | null): boolean {
  return wanted === null || task === wanted || (wanted === 'completion' && task === 'chat');
}
