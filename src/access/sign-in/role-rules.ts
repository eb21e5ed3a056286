import { hash } from 'node:crypto';
import type { Caller } from '../caller.js';
import { ROLES, type Role } from '../roles.js';

/** An entry of AUTH_ROLES: a group, or the user itself after `user:`, and the role that it gives. */
export interface RoleRule {
  readonly of: 'group' | 'user';
  /** A whole name, or the beginning of names that ends with `*`. */
  readonly pattern: string;
  readonly role: Role;
}

/** A user that another system vouches for: a proxy, or the issuer of a token. */
export interface Vouched {
  /** What vouches for it: the same user of two issuers is two callers. */
  readonly issuer: string;
  /** Stays the same for a user, and belongs to one alone. */
  readonly user: string;
  /** What the history shows. */
  readonly name: string;
  readonly groups: readonly string[];
}

const USER = 'user:';

/** @param entries of AUTH_ROLES, as `pattern=role` */
export function roleRulesOf(entries: readonly string[]): readonly RoleRule[] {
  return entries.map((entry) => {
    const at = entry.lastIndexOf('=');
    const [pattern, text] = [entry.slice(0, at), entry.slice(at + 1)];
    const role = ROLES.find((each) => each === text);
    if (role === undefined) throw new Error(`${text} is not a role`);
    return pattern.startsWith(USER)
      ? { of: 'user', pattern: pattern.slice(USER.length), role }
      : { of: 'group', pattern, role };
  });
}

/** The highest role that the groups of a user, or its own name, give it; `null`: none. */
export function roleOf({ user, groups }: Vouched, rules: readonly RoleRule[]): Role | null {
  const given = new Set(rules.filter((rule) => gives(rule, user, groups)).map(({ role }) => role));
  return ROLES.find((role) => given.has(role)) ?? null;
}

/** Of these groups, those that may give a role. */
export function groupsThatCount(groups: readonly string[], rules: readonly RoleRule[]): readonly string[] {
  return groups.filter((group) =>
    rules.some(({ of, pattern }) => of === 'group' && pattern !== '*' && matches(pattern, group)),
  );
}

/** The texts of a claim that is one text or a list. */
export function textsIn(claim: unknown): readonly string[] {
  const values: readonly unknown[] = Array.isArray(claim) ? claim : [claim];
  return values.filter((value) => typeof value === 'string');
}

/** The caller that a user with this role is. It has no row of `api_key`, and so no team, scope or limits. */
export function vouchedCaller({ issuer, user, name }: Vouched, role: Role): Caller {
  return {
    keyId: idOf(issuer, user),
    name: shownName(name),
    via: 'api',
    isUser: true,
    role,
    team: null,
    models: null,
    limits: null,
    priority: null,
    mayActFor: null,
    actsFor: null,
  };
}

/** A user without groups counts for the group `*`, too. */
function gives({ of, pattern }: RoleRule, user: string, groups: readonly string[]): boolean {
  if (of === 'user') return matches(pattern, user);
  return pattern === '*' || groups.some((group) => matches(pattern, group));
}

function matches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : pattern === name;
}

/**
 * The same for a user on every replica, so that its workers, jobs and usage are its own. A UUID of version 8, which none of
 * `api_key.id` is. https://www.rfc-editor.org/rfc/rfc9562#section-5.8
 */
function idOf(issuer: string, user: string): string {
  const hex = hash('sha256', JSON.stringify([issuer, user]), 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** Names of actors in the history that are no users. */
const RESERVED = /^(?:root|service|psql:.*)$/s;
const LONGEST_NAME = 100;

function shownName(name: string): string {
  return (RESERVED.test(name) ? USER + name : name).slice(0, LONGEST_NAME);
}
