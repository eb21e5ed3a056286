-- loses nothing

DROP INDEX event_of_policy;
