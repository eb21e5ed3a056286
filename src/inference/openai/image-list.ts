import { ProtocolError } from '../chat/protocol-error.js';
import { parsedOrUndefined } from '../request/parsed-or-undefined.js';
import type { ImageList } from './openai-objects.js';

/** An extract that is a URL, base64, or a list of them. @throws ProtocolError */
export function imagesIn(text: string): ImageList['data'] {
  const value = text.startsWith('[') ? parsedOrUndefined(text) : text;
  const images: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (images.length > 0 && images.every((image) => typeof image === 'string' && image !== ''))
    return images.map((image) => imageOf(image as string));
  throw new ProtocolError(
    'the answer holds no image: response_extract must lead to a URL, base64, or a list of them',
  );
}

function imageOf(image: string): ImageList['data'][number] {
  const [, base64] = /^data:[^,]*;base64,(.*)$/s.exec(image) ?? [];
  if (base64 !== undefined) return { b64_json: base64 };
  // Base64 has no colon. Some say it in words: the seed's proxy has `downloadUrl= http://…`.
  const [url] = /https?:\/\/\S+/.exec(image) ?? [];
  return url === undefined ? { b64_json: image } : { url };
}
