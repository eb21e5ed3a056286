import { OfflineWorkerDto } from '../registration/register-worker.dto.js';

/** Whom it renews: all workers of that model at that URL, or the one of that name. */
export class HeartbeatDto extends OfflineWorkerDto {}
