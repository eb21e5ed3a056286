import { Injectable } from '@nestjs/common';

/** What this replica itself knows of one worker: what it has running there, and how its own calls fared. */
export interface Activity {
  inFlight: number;
  connectErrorsInARow: number;
  /** How often it was put aside without a success in between. */
  ejections: number;
  /** Until then this replica gives it no requests; 0: it is not put aside. */
  ejectedUntilMs: number;
}

/** By worker id, in memory, of this replica alone; outlives changes of the definition. */
@Injectable()
export class WorkerActivity {
  private readonly byId = new Map<string, Activity>();

  of(workerId: string): Activity {
    const known = this.byId.get(workerId);
    if (known !== undefined) return known;
    const fresh: Activity = { inFlight: 0, connectErrorsInARow: 0, ejections: 0, ejectedUntilMs: 0 };
    this.byId.set(workerId, fresh);
    return fresh;
  }

  /** Drops what is known of workers that are gone and idle, so that memory does not grow with every worker there ever was. */
  keepOnly(isThere: (workerId: string) => boolean): void {
    for (const [id, activity] of this.byId) {
      if (activity.inFlight === 0 && !isThere(id)) this.byId.delete(id);
    }
  }
}
