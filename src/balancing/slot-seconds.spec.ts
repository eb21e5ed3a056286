import { describe, expect, it } from 'vitest';
import { SlotTime, slotSeconds } from './slot-seconds.js';

const HOUR_MS = 3_600_000;

describe('the slot time of teams', () => {
  it('is summed by team and class; keys and users without a team are one', () => {
    const time = new SlotTime();
    time.add('search', 'default', 1_500, 0);
    time.add('search', 'default', 500, 1);
    time.add('search', 'bulk', 4_000, 1);
    for (const name of ['key a', 'user b', '']) time.add(name, 'interactive', 1_000, 2);
    const family = slotSeconds(() => [['m"1', time]]);
    const { name } = family;
    expect([...(family.lines() as Iterable<string>)]).toEqual([
      `${name}{model="m\\"1",team="search",priority="default"} 2\n`,
      `${name}{model="m\\"1",team="search",priority="bulk"} 4\n`,
      `${name}{model="m\\"1",team="",priority="interactive"} 3\n`,
    ]);
  });

  it('has 100 teams at most, and one name for all others; an idle team gives its place up', () => {
    const time = new SlotTime();
    for (let at = 0; at < 5_000; at += 1) time.add(`team-${at}`, 'default', 1_000, at);
    const seconds = () => new Map([...time.seconds()].map(([team, , its]) => [team, its]));
    expect([seconds().size, seconds().get('other')]).toEqual([101, 4_900]);
    time.add('late', 'default', 2_000, HOUR_MS + 5);
    expect([seconds().size, seconds().get('late'), seconds().has('team-0')]).toEqual([101, 2, false]);
  });

  it('of a team that is named like the others is counted with them', () => {
    const time = new SlotTime();
    time.add('other', 'default', 1_000, 0);
    time.add('other', 'bulk', 1_000, 0);
    expect([...time.seconds()]).toEqual([
      ['other', 'default', 1],
      ['other', 'bulk', 1],
    ]);
  });
});
