import { Injectable } from '@nestjs/common';

/** What this replica itself knows of one worker. */
export interface Activity {
  readonly inFlight: number;
  /** Until when it is put aside here; `null`: it is not. */
  readonly ejectedUntil: Date | null;
}

const NONE: Activity = { inFlight: 0, ejectedUntil: null };

/** Where the registry asks what is known of a worker by those that use it, without knowing them. */
@Injectable()
export class WorkerActivity {
  private ask: (workerId: string) => Activity | undefined = () => undefined;

  knownBy(ask: (workerId: string) => Activity | undefined): void {
    this.ask = ask;
  }

  of(workerId: string): Activity {
    return this.ask(workerId) ?? NONE;
  }
}
