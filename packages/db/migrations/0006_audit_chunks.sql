-- Many leaves of one commit as one row: a row of its own cost a leaf more than all else that is done for it.
CREATE TABLE mesh.audit_chunk (
  -- of the first leaf; the others follow without a gap
  index bigint NOT NULL,
  -- of all of them
  at timestamptz NOT NULL,
  mesh_id integer NOT NULL,
  type text NOT NULL,
  -- 32 bytes a leaf
  hashes bytea NOT NULL,
  -- of each leaf as many bytes as of any other: salt of 16 bytes, fields in signedBytes form without a domain
  bodies bytea NOT NULL
) PARTITION BY RANGE (at);
--> statement-breakpoint
-- Hashes and what was drawn at random do not compress.
ALTER TABLE mesh.audit_chunk ALTER hashes SET STORAGE EXTERNAL, ALTER bodies SET STORAGE EXTERNAL;
--> statement-breakpoint
CREATE INDEX audit_chunk_index ON mesh.audit_chunk (mesh_id, index);
--> statement-breakpoint
CREATE TABLE mesh.audit_chunk_default PARTITION OF mesh.audit_chunk DEFAULT;
--> statement-breakpoint
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE ON mesh.audit_chunk
  FOR EACH ROW EXECUTE FUNCTION mesh.refuse_change();
--> statement-breakpoint
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mesh.audit_chunk
  FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change();
--> statement-breakpoint
CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mesh.audit_chunk_default
  FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change();
