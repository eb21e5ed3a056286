import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { PeriodicTask } from './periodic-task.js';

describe('a periodic task', () => {
  it('never runs twice at once, and runs again at once after a run during which that was wanted', async () => {
    let running = 0;
    let most = 0;
    let turns = 0;
    const task = new PeriodicTask(async () => {
      running += 1;
      most = Math.max(most, running);
      await sleep(10);
      running -= 1;
      turns += 1;
      return null;
    });
    task.runWithin(0);
    await sleep(5);
    for (let time = 0; time < 10; time++) task.runWithin(0);
    await expect.poll(() => turns).toBe(2);
    await sleep(30);
    expect({ most, turns }).toEqual({ most: 1, turns: 2 });
    await task.stop();
  });

  it('runs when its last run decided, or sooner where that is wanted', async () => {
    let turns = 0;
    const task = new PeriodicTask(async () => {
      turns += 1;
      return 60_000;
    });
    task.runWithin(0);
    await expect.poll(() => turns).toBe(1);
    task.runWithin(90_000);
    task.runWithin(1);
    await expect.poll(() => turns).toBe(2);
    await task.stop();
  });

  it('waits for the running turn when it stops, and starts no other', async () => {
    let turns = 0;
    const task = new PeriodicTask(async () => {
      await sleep(20);
      turns += 1;
      return 0;
    });
    task.runWithin(0);
    await sleep(5);
    await task.stop();
    const atStop = turns;
    task.runWithin(0);
    await sleep(40);
    expect(turns).toBe(atStop);
    expect(atStop).toBeGreaterThan(0);
  });
});
