-- COMMENTs in plainer English; nothing else changes. No release reads a COMMENT, so any may run beside it, and going back
-- leaves them.

COMMENT ON TABLE model IS 'The policy for all workers of one model_name. Without a row, or with null, the settings decide.';
COMMENT ON COLUMN model.name IS 'The model_name. The row may exist before the first worker.';
COMMENT ON COLUMN model.fallbacks IS 'Models that are tried in this order when none of its workers can answer.';
COMMENT ON COLUMN model.retries IS 'Further workers that are tried after a failure, 0 to 10; null: BALANCING_RETRIES.';
COMMENT ON COLUMN model.retry_on IS 'Failures after which another worker is tried: connection, 429, 500, 502, 503, 504, timeout (of a stream that did not begin), credentials; null: all.';
COMMENT ON COLUMN model.queue_max IS 'Requests that may wait for the model on one replica; null: depends on max_concurrency of its workers.';
COMMENT ON COLUMN model.connect_ms IS 'Milliseconds to connect, for workers without a timeout of their own.';
COMMENT ON COLUMN model.first_byte_ms IS 'Milliseconds until a stream begins, for workers without a timeout of their own.';
COMMENT ON COLUMN model.idle_ms IS 'Milliseconds of silence within a stream, for workers without a timeout of their own.';
COMMENT ON COLUMN model.total_ms IS 'Milliseconds for a whole request: all attempts and fallbacks together.';
COMMENT ON COLUMN model.created_at IS 'When the row was created.';
COMMENT ON COLUMN model.updated_by IS 'The actor that changed it last, as in worker_event.actor.';
COMMENT ON FUNCTION model_follow() IS 'Updates generation and updated_*, and notifies the replicas.';

COMMENT ON TABLE replica IS 'The running copies of the service. One whose seen_at is old is dead; its row is deleted later.';
COMMENT ON COLUMN replica.id IS 'A UUID that is made when the replica starts.';
COMMENT ON COLUMN replica.host IS 'The host or pod that it runs on.';
COMMENT ON COLUMN replica.seen_at IS 'Its last heartbeat.';
COMMENT ON COLUMN replica.drained IS 'The draining workers on which it has no requests left: worker id to admin_state_since, in milliseconds since 1970.';

COMMENT ON TABLE worker IS 'One inference endpoint a row: where it is, how it is called, whether it may be used. Every replica follows changes that are made here by hand.';
COMMENT ON COLUMN worker.id IS 'Made at the first registration; kept when the worker comes back from offline.';
COMMENT ON COLUMN worker.model_name IS 'The model that clients request. All workers with the same model_name serve it together.';
COMMENT ON COLUMN worker.name IS 'Distinguishes workers with the same model and URL, such as two accounts; usually empty.';
COMMENT ON COLUMN worker.req_url_template IS 'The URL that is called. Its path and query may hold placeholders such as {USER_PROMPT}.';
COMMENT ON COLUMN worker.owner IS 'The owner of the worker; a label without effect.';
COMMENT ON COLUMN worker.protocol IS 'How it is called. template: by body, req_param, header and response_extract. openai, anthropic, gemini: by that API, with req_url_template as its base URL.';
COMMENT ON COLUMN worker.task IS 'What it serves: chat, completion, embedding, image, video or audio.';
COMMENT ON COLUMN worker.header IS 'Headers that hold no secret. Values that may be credentials are encrypted in sealed_header.';
COMMENT ON COLUMN worker.sealed_header IS 'Headers that may be credentials, encrypted with AES-256-GCM and bound to this id and the origin of the URL: in another row, or for another origin, they cannot be read.';
COMMENT ON COLUMN worker.response_extract IS 'The path of the text in the response, such as data.items[].answer; empty: the whole response.';
COMMENT ON COLUMN worker.success_when IS '{"path", "equals" or "in"}: an answer with another value is a failure, whatever its status.';
COMMENT ON COLUMN worker.is_stream IS 'Whether the worker answers in a stream.';
COMMENT ON COLUMN worker.defaults IS 'temperature, max_tokens and system_prompt for requests without them.';
COMMENT ON COLUMN worker.weight IS '1 to 1000. A worker with twice the weight gets twice the requests.';
COMMENT ON COLUMN worker.priority IS '0 to 1000. Workers with a higher number are used only if none with a lower number is available.';
COMMENT ON COLUMN worker.max_concurrency IS 'Concurrent requests, over all replicas.';
COMMENT ON COLUMN worker.labels IS 'Up to 32 labels: key to value.';
COMMENT ON COLUMN worker.on_disconnect IS 'When the client disconnects: abort the call, or finish it.';
COMMENT ON COLUMN worker.health_check IS 'How it is probed; null: GET /health at its origin, where any status below 500 is a success.';
COMMENT ON COLUMN worker.admin_state IS 'Set by operators: enabled; draining (no new requests); disabled (no requests until it is enabled by hand); offline (removed, and kept for a while).';
COMMENT ON COLUMN worker.admin_state_since IS 'When admin_state last changed. On an enabled worker, set it to now() to end its ejections on all replicas.';
COMMENT ON COLUMN worker.admin_state_by IS 'The actor that changed admin_state last, as in worker_event.actor.';
COMMENT ON COLUMN worker.health IS 'Set by probes, heartbeats and requests: unknown, healthy, suspect, unhealthy or warming. An unhealthy worker gets no requests.';
COMMENT ON COLUMN worker.health_reason IS 'Why it has this health, in a sentence.';
COMMENT ON COLUMN worker.generation IS 'Rises with every change of the definition; results of probes of an older generation are discarded.';
COMMENT ON COLUMN worker.heartbeat_ttl_s IS 'The worker sends a heartbeat at least every so many seconds. After three missed ones it is suspect, and offline if its probes fail too. null: it sends none.';
COMMENT ON COLUMN worker.upstream_model IS 'The upstream''s name of the model; null: the same name.';
COMMENT ON COLUMN worker.stream_extract IS 'How the events of a template worker''s stream are read: {"text", "format", "done", "finish_reason", "usage", "delta"}.';
COMMENT ON COLUMN worker.usage_extract IS 'The paths of the token counts in a whole answer: {"input", "output"}, written as response_extract is.';
COMMENT ON COLUMN worker.any_task IS 'The worker serves whatever its API offers, such as chat and embeddings: it was registered without a task and with protocol openai or anthropic. task has no meaning then.';
COMMENT ON FUNCTION worker_before_update() IS 'Updates generation and the *_since columns with every change, also by hand.';

COMMENT ON TABLE worker_event IS 'The history of workers, written by a trigger, so that it holds changes by hand, too. No foreign key: it outlives the worker.';
COMMENT ON COLUMN worker_event.at IS 'When it happened.';
COMMENT ON COLUMN worker_event.worker_id IS 'The worker, which may be deleted.';
COMMENT ON COLUMN worker_event.kind IS 'registered, changed or deleted; or the new admin_state; or the new health (recovered: healthy again).';
COMMENT ON COLUMN worker_event.detail IS 'The columns that changed, or the reason of the new health; never a value that could be a secret.';
COMMENT ON COLUMN worker_event.actor IS 'The setting mmm.actor where the service sets it, else the database user.';
COMMENT ON FUNCTION worker_follow() IS 'Keeps worker_probe in step with worker, and notifies the replicas of changes that they need.';
COMMENT ON VIEW worker_overview IS 'All workers with their state and the result of the last probe: SELECT * FROM worker_overview;';

COMMENT ON TABLE worker_probe IS 'The state of probing, one row a worker. Written often, and not announced to the replicas: a change of health is written to worker.health.';
COMMENT ON COLUMN worker_probe.generation IS 'The definition that is probed; results of another generation are discarded.';
COMMENT ON COLUMN worker_probe.lease_until IS 'Another replica may probe it after this time.';
COMMENT ON COLUMN worker_probe.last_detail IS 'The result of that probe, in a sentence.';

COMMENT ON TABLE worker_slot IS 'For workers whose max_concurrency is below the number of replicas: one row for each request that may run, with the replica that may run it.';
COMMENT ON COLUMN worker_slot.replica_id IS 'The replica that may have one request on the worker.';
COMMENT ON COLUMN worker_slot.lease_until IS 'Another replica may take the slot after this time.';
COMMENT ON TABLE worker_slot_wish IS 'Replicas with requests that wait for a slot. The replica that holds a slot releases it after the request that runs in it.';
COMMENT ON COLUMN worker_slot_wish.wished_until IS 'The row has no effect after this time.';
