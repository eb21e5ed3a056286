import { computed, signal } from '../live/signal';
import { type ApiProblem, asProblem, call, problemOf, type Schemas, send, signedOut } from './client';

export type Role = Schemas['MeDto']['role'];

export interface Session {
  readonly version: string;
  readonly protected_mode: boolean;
  readonly actor: string;
  readonly role: Role;
  readonly features: readonly string[];
}

interface SignInWays {
  readonly key: boolean;
  readonly oidc: boolean;
}

/** `undefined`: not known yet; `null`: signed out. */
export const session = signal<Session | null | undefined>(undefined);
export const signInWays = signal<SignInWays>({ key: true, oidc: false });
/** Why the session could not be read; the page then says so and tries again. */
export const sessionProblem = signal<ApiProblem | null>(null);

const roleIs = (...roles: readonly Role[]) =>
  computed(() => {
    const role = session.value?.role;
    return role !== undefined && roles.includes(role);
  });

/** The server decides; the page offers what the role may do, as `ROUTES` of the service has it. */
export const mayChangeWorkers = roleIs('admin', 'operator', 'registrar');
export const isAdmin = roleIs('admin');
export const mayUndo = roleIs('admin', 'operator');
export const mayReadKeys = roleIs('admin', 'viewer');
export const mayReadPolicies = roleIs('admin', 'operator', 'viewer');
export const mayReadUsage = roleIs('admin', 'operator', 'inference', 'viewer');
export const mayCall = roleIs('admin', 'operator', 'inference');

signedOut.subscribe((is) => {
  if (is) session.value = null;
});

export async function readSession(): Promise<void> {
  try {
    const response = await send('GET', '/api/v1/session');
    const body = (await response.clone().json()) as Session & { readonly sign_in?: SignInWays };
    if (body.sign_in !== undefined) signInWays.value = body.sign_in;
    if (response.ok) {
      signedOut.value = false;
      session.value = body;
    } else if (response.status === 401) session.value = null;
    else throw await problemOf(response);
    sessionProblem.value = null;
  } catch (error) {
    sessionProblem.value = asProblem(error);
  }
}

/** The key goes into a cookie that no script can read; the page keeps none. @throws ApiProblem */
export async function signIn(key: string): Promise<void> {
  await call('POST', '/auth/session', { headers: { authorization: `Bearer ${key}` } });
  await readSession();
}

export async function signOut(): Promise<void> {
  await call('POST', '/auth/logout', { body: {} });
  signedOut.value = true;
}
