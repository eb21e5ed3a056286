-- Of the migration before, what reads the whole table: a transaction of its own, because it lets others read and write meanwhile (the
-- constraints), or read (the index, which is empty: there are no events of policies yet).

ALTER TABLE event VALIDATE CONSTRAINT event_kind_known, VALIDATE CONSTRAINT event_subject_known, VALIDATE CONSTRAINT event_subject_id,
  VALIDATE CONSTRAINT event_via_known;
CREATE INDEX event_of_policy ON event (subject_name, id) WHERE subject = 'model';
