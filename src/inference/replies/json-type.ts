/** Of every answer of ours that is JSON. */
export const JSON_TYPE = 'application/json; charset=utf-8';
