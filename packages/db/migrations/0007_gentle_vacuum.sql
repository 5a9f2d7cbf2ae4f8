-- Early, and never at full speed: a pass over a queue of millions takes seconds of a core, and whoever commits meanwhile waits for its turns.
ALTER TABLE mesh.envelope SET (autovacuum_vacuum_cost_delay = 1, autovacuum_vacuum_cost_limit = 500);
--> statement-breakpoint
ALTER TABLE mesh.delivery SET (autovacuum_vacuum_cost_delay = 1, autovacuum_vacuum_cost_limit = 500);
