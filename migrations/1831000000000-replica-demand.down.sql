-- loses nothing

DROP TABLE replica_demand;
