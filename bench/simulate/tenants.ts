import type { Tenant } from '../../src/balancing/admission/tenant.js';
import type { Cut } from '../../src/balancing/admission/waiter.js';
import type { Priority } from '../../src/config/balancing-settings.js';
import { fairParts } from '../../src/replicas/slots/fair-parts.js';
import { seededRandom } from '../../test/seeded-random.js';
import { CHAT, lengthOf, meanOf, type Lengths } from './classes.js';
import { TenantReplicas } from './tenant-replicas.js';
import { VirtualTime } from './virtual-time.js';

/** The requests of one tenant. */
export interface Source {
  readonly weight?: number;
  /** Of another source's tenant; left out: of its own. */
  readonly as?: number;
  readonly priority?: Priority;
  /** What they would use of the room, alone; they come at random. */
  readonly load?: number;
  /** Or clients that each send the next request when the last one is answered, or a second after it was refused. */
  readonly connections?: number;
  readonly lengths?: (atMs: number) => Lengths;
  /** The replica that gets a request, by a number from 0 to 1; the first one, if left out. */
  readonly replicaAt?: (atMs: number, chance: number) => number;
}

export interface TenantScene {
  readonly workers: number;
  readonly slots: number;
  /** 1, if left out. */
  readonly replicas?: number;
  readonly sources: readonly Source[];
  readonly untilMs: number;
}

export interface TenantRecord {
  /** Slot time that it used, and what it would have of a room that is shared fairly, as parts of the room. */
  readonly share: number;
  readonly fair: number;
  /** Its part of what all used, in each minute. */
  readonly minutes: readonly number[];
  readonly waitsMs: readonly number[];
  readonly refused: number;
  readonly sent: number;
}

const AGAIN_MS = 1_000;
const MINUTE_MS = 60_000;
const WARM_MS = 60_000;

/** Tenants at one replica or several, by the product's own admission and exchange of slots. @param isFair false: as if all were one tenant */
export function runTenants(scene: TenantScene, seed: number, isFair = true): readonly TenantRecord[] {
  const { workers, slots, sources, untilMs } = scene;
  const time = new VirtualTime();
  const replicas = new TenantReplicas(scene, time, seed);
  const room = workers * slots;
  /** Counts what still runs at the end. */
  const running = new Set<() => void>();
  const records = sources.map((source, at) => {
    const used = new Map<number, number>();
    const record = { waitsMs: [] as number[], refused: 0, sent: 0, cameMs: 0, used };
    const tenant: Tenant = isFair
      ? { name: `tenant-${source.as ?? at}`, weight: source.weight ?? 1 }
      : { name: '', weight: 1 };
    const { priority = 'default', lengths = () => CHAT, replicaAt = () => 0 } = source;
    const random = seededRandom(seed * 7919 + at);
    const ran = (fromMs: number, toMs: number): void => {
      for (let ms = fromMs; ms < toMs;) {
        const minute = Math.floor(ms / MINUTE_MS);
        const endMs = Math.min(toMs, (minute + 1) * MINUTE_MS);
        used.set(minute, (used.get(minute) ?? 0) + endMs - ms);
        ms = endMs;
      }
    };
    const send = (over: (wasRefused: boolean) => void): void => {
      const arrivedMs = time.nowMs();
      const workMs = lengthOf(lengths(arrivedMs), random);
      const by = { tenant, priority };
      if (arrivedMs >= WARM_MS) {
        record.sent += 1;
        record.cameMs += workMs;
      }
      const replica = replicaAt(arrivedMs, random());
      let hasWaited = false;
      const enter = (cuts: number): void => {
        let stop: (() => void) | null = null;
        const cut: Cut = { cuts, mayCut: () => stop !== null, cut: () => stop?.() };
        replicas.enter(replica, { ...by, tried: new Set(), deadlineMs: Infinity, cut }, (answer) => {
          const nowMs = time.nowMs();
          if (!('worker' in answer)) {
            if (nowMs >= WARM_MS) record.refused += 1;
            return void time.after(0, () => over(true));
          }
          if (!hasWaited && arrivedMs >= WARM_MS) record.waitsMs.push(nowMs - arrivedMs);
          hasWaited = true;
          const count = (): void => ran(nowMs, time.nowMs());
          running.add(count);
          const end = (release: () => void): void => {
            running.delete(count);
            count();
            release();
          };
          const cancel = time.after(workMs, () => {
            end(() => replicas.release(replica, answer, workMs, by));
            over(false);
          });
          stop = () => {
            cancel();
            // As in the product, the worker is released after the call of the one that cuts.
            time.after(0, () => {
              end(() => replicas.releaseCut(replica, answer, tenant));
              enter(cuts + 1);
            });
          };
        });
      };
      enter(0);
    };
    const connect = (): void => {
      if (time.nowMs() >= untilMs) return;
      send((wasRefused) => void time.after(wasRefused ? AGAIN_MS : 0, connect));
    };
    for (let client = 0; client < (source.connections ?? 0); client++)
      time.after(random() * AGAIN_MS, connect);
    const perMs = ((source.load ?? 0) * room) / meanOf(lengths(0));
    const arrive = (): void =>
      void time.after(-Math.log(1 - random()) / perMs, () => {
        if (time.nowMs() >= untilMs) return;
        send(() => undefined);
        arrive();
      });
    if (perMs > 0) arrive();
    return record;
  });
  time.runUntil(untilMs);
  for (const count of running) count();
  // Of those that come at random, what has come.
  const wants = sources.map(({ connections, weight = 1 }, at) => ({
    slots: connections ?? (records[at]?.cameMs ?? 0) / (untilMs - WARM_MS),
    weight,
  }));
  const fair = fairParts(room, wants);
  const minutes = Array.from(
    { length: (untilMs - WARM_MS) / MINUTE_MS },
    (_, at) => at + WARM_MS / MINUTE_MS,
  );
  const inMinute = (minute: number): number =>
    records.reduce((sum, { used }) => sum + (used.get(minute) ?? 0), 0);
  return records.map(({ used, waitsMs, refused, sent }, at) => ({
    waitsMs,
    refused,
    sent,
    share: minutes.reduce((sum, minute) => sum + (used.get(minute) ?? 0), 0) / ((untilMs - WARM_MS) * room),
    fair: (fair[at] ?? 0) / room,
    minutes: minutes.map((minute) => (used.get(minute) ?? 0) / inMinute(minute)),
  }));
}
