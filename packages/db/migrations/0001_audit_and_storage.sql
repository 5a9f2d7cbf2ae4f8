-- What drizzle cannot say: day partitions, the guard of the audit log, and how rows lie on disk.

-- The leaves. Retention drops whole days, and leaves their hashes in audit_pruned.
CREATE TABLE mesh.audit_leaf (
  index bigint NOT NULL,
  at timestamptz NOT NULL,
  mesh_id integer NOT NULL,
  hash bytea NOT NULL,
  salt bytea NOT NULL,
  type text NOT NULL,
  -- in signedBytes form, without a domain
  fields bytea NOT NULL
) PARTITION BY RANGE (at);
--> statement-breakpoint
CREATE INDEX audit_leaf_index ON mesh.audit_leaf (mesh_id, index);
--> statement-breakpoint
-- Takes what no day was made for, so that a forgotten timer never stops the mesh.
CREATE TABLE mesh.audit_leaf_default PARTITION OF mesh.audit_leaf DEFAULT;
--> statement-breakpoint
CREATE FUNCTION mesh.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log takes INSERT only' USING ERRCODE = 'insufficient_privilege';
END $$;
--> statement-breakpoint
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mesh.audit_pruned
  FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change();
--> statement-breakpoint
-- For each row, because a trigger of that kind is cloned to every partition.
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON mesh.audit_leaf
  FOR EACH ROW EXECUTE FUNCTION mesh.refuse_change();
--> statement-breakpoint
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mesh.audit_leaf
  FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change();
--> statement-breakpoint
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mesh.audit_leaf_default
  FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change();
--> statement-breakpoint
-- Ciphertext does not compress.
ALTER TABLE mesh.envelope ALTER header SET STORAGE EXTERNAL, ALTER body SET STORAGE EXTERNAL;
--> statement-breakpoint
ALTER TABLE mesh.delivery ALTER header SET STORAGE EXTERNAL, ALTER slot SET STORAGE EXTERNAL, ALTER body SET STORAGE EXTERNAL;
--> statement-breakpoint
-- Rows that are updated at every flush stay on their page.
ALTER TABLE mesh.mesh_head SET (fillfactor = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
--> statement-breakpoint
ALTER TABLE mesh.recipient SET (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.02);
--> statement-breakpoint
ALTER TABLE mesh.node SET (fillfactor = 10);
--> statement-breakpoint
-- A queue is inserted and deleted all day: vacuum early, or reads walk over the dead.
ALTER TABLE mesh.envelope SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_cost_delay = 0);
--> statement-breakpoint
ALTER TABLE mesh.delivery SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 20000,
  autovacuum_vacuum_insert_threshold = 200000, autovacuum_vacuum_cost_delay = 0);
