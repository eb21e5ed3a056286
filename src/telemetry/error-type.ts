/** The cause of an error: a closed vocabulary for logs and metrics, so that an alert is one line. */
export type ErrorType =
  | 'caller_bad_request'
  | 'caller_unauthorized'
  | 'caller_foreign_origin'
  | 'caller_forbidden'
  | 'caller_limited'
  | 'caller_not_found'
  | 'caller_method_not_allowed'
  | 'caller_conflict'
  | 'caller_too_large'
  | 'caller_media_type'
  | 'caller_unknown_model'
  | 'caller_gone'
  // No worker took the request. Too many requests: the queue is full, the wait in it was too long, or every worker
  // answers 429. An outage: each worker is disabled, unhealthy or ejected.
  | 'policy_queue_full'
  | 'policy_queue_timeout'
  | 'policy_all_throttled'
  | 'policy_all_down'
  | 'worker_unreachable'
  | 'worker_error'
  | 'worker_bad_answer'
  | 'worker_rejected_credentials'
  | 'worker_timeout'
  | 'manager_database_unavailable'
  | 'manager_overloaded'
  | 'manager_misconfigured'
  | 'manager_internal';
