-- Of the migration before, what reads the whole table: a transaction of its own, because it lets others read and write meanwhile.
SELECT set_config('search_path', quote_ident(current_schema()), true);

ALTER TABLE event VALIDATE CONSTRAINT event_kind_known_4;
