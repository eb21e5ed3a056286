import type { InputFault } from '../../../input/input-errors.js';
import { describeValue, type Fields, isJsonObject, isPresent } from '../../../input/json.js';

/** More than any model takes. */
const MOST_IMAGES = 16;
const LONGEST_URL = 8192;
const DATA_URL = /^data:[\w.+-]+\/[\w.+-]+(;[\w.+-]+=[\w.+-]+)*;base64,/i;
const NOT_BASE64 = /[^A-Za-z0-9+/=]/;

const ACCEPTED = 'must be a data URL with base64 (data:image/png;base64,…) or an http(s) URL';

/** The images of a request, of all fields that may hold some, in order. Faults are added. */
export function readImages(fields: Fields, faults: InputFault[]): readonly string[] {
  const images = (['image', 'images', 'input_reference'] as const).flatMap((field) => {
    const value = fields[field];
    if (!isPresent(value)) return [];
    const all: readonly unknown[] = Array.isArray(value) ? value : [value];
    return all.map((each, index) =>
      readImage(each, Array.isArray(value) ? `${field}[${index}]` : field, faults),
    );
  });
  if (images.length > MOST_IMAGES)
    faults.push({ field: 'image', problem: `${images.length} images; at most ${MOST_IMAGES} are accepted` });
  return images;
}

/** An image as text, or as OpenAI's `{image_url}`. @returns '' with a fault */
export function readImage(value: unknown, field: string, faults: InputFault[]): string {
  const { url, at, isFileId } = locate(value, field);
  const problem = isFileId
    ? 'file_id is not supported: send the file itself, or image_url'
    : typeof url === 'string'
      ? problemOf(url)
      : `${ACCEPTED}${describeValue(url)}`;
  if (problem === null && typeof url === 'string') return url;
  faults.push({ field: at, problem: problem ?? ACCEPTED });
  return '';
}

function locate(value: unknown, field: string): { url: unknown; at: string; isFileId: boolean } {
  if (!isJsonObject(value)) return { url: value, at: field, isFileId: false };
  const { image_url: imageUrl, url, file_id: fileId } = value;
  if (isPresent(fileId) && !isPresent(imageUrl))
    return { url: undefined, at: `${field}.file_id`, isFileId: true };
  if (isJsonObject(imageUrl)) return { url: imageUrl['url'], at: `${field}.image_url.url`, isFileId: false };
  if (!isPresent(imageUrl) && isPresent(url)) return { url, at: `${field}.url`, isFileId: false };
  return { url: imageUrl, at: `${field}.image_url`, isFileId: false };
}

function problemOf(url: string): string | null {
  const [head] = DATA_URL.exec(url) ?? [];
  if (head !== undefined) {
    if (url.length === head.length) return 'is an empty file';
    return NOT_BASE64.test(url.slice(head.length)) ? 'holds characters that are not base64' : null;
  }
  if (!/^https?:\/\//i.test(url) || !URL.canParse(url)) return ACCEPTED;
  return url.length <= LONGEST_URL ? null : `is longer than ${LONGEST_URL} characters`;
}
