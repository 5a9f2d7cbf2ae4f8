-- The role a broker works as: everything it needs, and of the audit log no more than reading and adding.
-- False where the database's own role may not make roles: then the triggers alone guard the log.
CREATE FUNCTION mesh_fn.grant_writer() RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE t text;
BEGIN
  BEGIN
    IF to_regrole('claudemesh_writer') IS NULL THEN CREATE ROLE claudemesh_writer NOLOGIN; END IF;
  EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
  END;
  IF NOT pg_has_role(current_user, 'claudemesh_writer', 'MEMBER') THEN GRANT claudemesh_writer TO CURRENT_USER; END IF;
  GRANT USAGE ON SCHEMA mesh, mesh_fn TO claudemesh_writer;
  GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA mesh TO claudemesh_writer;
  IF current_setting('server_version_num')::int >= 170000 THEN
    EXECUTE 'GRANT MAINTAIN ON mesh.delivery TO claudemesh_writer';
  END IF;
  FOR t IN SELECT format('mesh.%I', c.relname) FROM pg_class c
    WHERE c.relnamespace = 'mesh'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname LIKE 'audit\_%'
  LOOP
    EXECUTE format('REVOKE ALL ON %s FROM claudemesh_writer', t);
    EXECUTE format('GRANT SELECT, INSERT ON %s TO claudemesh_writer', t);
  END LOOP;
  REVOKE EXECUTE ON FUNCTION mesh_fn.ensure_audit_days, mesh_fn.drop_audit_days FROM PUBLIC;
  GRANT EXECUTE ON FUNCTION mesh_fn.ensure_audit_days, mesh_fn.drop_audit_days TO claudemesh_writer;
  RETURN true;
EXCEPTION WHEN insufficient_privilege THEN RETURN false;
END $$;
