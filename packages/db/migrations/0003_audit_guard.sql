-- What was signed, and what proofs are made of, stays as it was written.
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mesh.audit_subtree
  FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change();
--> statement-breakpoint
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON mesh.audit_checkpoint
  FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change();
