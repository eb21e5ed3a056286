-- loses session_end: SELECT count(*) FROM session_end WHERE ended_at > now() - interval '8 hours'

DROP TABLE session_end;
DROP FUNCTION session_end_before();
