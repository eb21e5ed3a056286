/** What follows the base URL, which ends in the API's version (https://generativelanguage.googleapis.com/v1beta). */
export function geminiPath(upstreamModel: string, stream: boolean): string {
  // A tuned one says where it lies: tunedModels/mine.
  const resource = upstreamModel.includes('/') ? upstreamModel : `models/${upstreamModel}`;
  const path = resource.split('/').map(encodeURIComponent).join('/');
  return `/${path}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`;
}
