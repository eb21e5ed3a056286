import { createHash } from 'node:crypto';
import type { Profile } from '../../registry/profiles/profile.dto.js';
import type { OpenAiChat } from '../chat/chat.js';

/** Letters, digits and what joins them: no mail address, no name of two words. */
const OPAQUE = /^[\w.:|/+=~-]{1,256}$/;
/** Nothing but the characters of a phone number [ITU-T E.164: up to 15 digits]. */
const PHONE = /^\+?[\d.-]{7,20}$/;

/** An id of an end user may be a mail address, a phone number or a name: a hash is as good against abuse, and holds no name. */
export function withOpaqueUser(
  chat: OpenAiChat,
  { user_ids: rule }: Profile,
  note: (change: string) => void,
): OpenAiChat {
  if (rule === 'any') return chat;
  const user = personal(chat.user);
  const safety = personal(chat['safety_identifier']);
  if (user === null && safety === null) return chat;
  note('user: sent as a hash');
  return {
    ...chat,
    ...(user === null ? {} : { user: hashOf(user) }),
    ...(safety === null ? {} : { safety_identifier: hashOf(safety) }),
  };
}

function personal(id: unknown): string | null {
  if (typeof id !== 'string' || id === '') return null;
  return OPAQUE.test(id) && !PHONE.test(id) ? null : id;
}

function hashOf(id: string): string {
  return `user-${createHash('sha256').update(id).digest('hex').slice(0, 32)}`;
}
