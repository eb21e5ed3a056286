-- loses nothing

DROP TABLE usage_by_worker;
DROP TABLE usage_by_hour;
