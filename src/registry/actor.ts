/** Who stands in worker_event for what came through the API. */
export const API_ACTOR = 'api';
