-- Leaves in their final bytes (SPEC sections 2 and 8), and the lock that everything that makes order takes.

-- One field of signedBytes: 4-byte length and bytes; NULL is absent.
CREATE FUNCTION mesh_fn.field(b bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN b IS NULL THEN '\xffffffff'::bytea ELSE int4send(octet_length(b)) || b END;

CREATE FUNCTION mesh_fn.number(n bigint) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '\x00000008'::bytea || int8send(n);

-- A recipient is two fields: member key, session key or absent.
CREATE FUNCTION mesh_fn.who(key bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '\x00000020'::bytea || CASE octet_length(key)
  WHEN 32 THEN key || '\xffffffff'::bytea
  ELSE substring(key FROM 1 FOR 32) || '\x00000020'::bytea || substring(key FROM 33 FOR 32) END;

CREATE FUNCTION mesh_fn.ms(t timestamptz) RETURNS bigint LANGUAGE sql STABLE PARALLEL SAFE
RETURN (extract(epoch FROM t) * 1000)::bigint;

CREATE FUNCTION mesh_fn.at(n bigint) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_timestamp(n::float8 / 1000);

-- SHA-256(0x00 ‖ signedBytes('leaf', [salt, index, at, type, fields])); '\x00 claudemesh/v1/leaf 00000010' is the constant head.
CREATE FUNCTION mesh_fn.leaf_hash(salt bytea, index bigint, at_ms bigint, type text, fields bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN sha256('\x00636c617564656d6573682f76312f6c65616600000010'::bytea || salt
  || '\x00000008'::bytea || int8send(index) || '\x00000008'::bytea || int8send(at_ms)
  || mesh_fn.field(convert_to(type, 'UTF8')) || mesh_fn.field(fields));

-- Takes the mesh's lock. Every function that makes order begins here (or in commit_batch, for many meshes at once).
CREATE FUNCTION mesh_fn.lock_mesh(p_mesh bytea) RETURNS mesh.mesh_head LANGUAGE plpgsql AS $$
DECLARE v mesh.mesh_head;
BEGIN
  SELECT * INTO v FROM mesh.mesh_head h WHERE h.mesh = p_mesh FOR UPDATE;
  IF NOT FOUND THEN RAISE EXCEPTION 'unknown-mesh' USING ERRCODE = 'CM001'; END IF;
  RETURN v;
END $$;

-- The caller holds the mesh's lock.
CREATE FUNCTION mesh_fn.append_leaf(p_mesh_id int, p_type text, p_fields bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  v_index bigint;
  v_at timestamptz;
  v_salt bytea := uuid_send(gen_random_uuid());
BEGIN
  UPDATE mesh.mesh_head SET audit_size = audit_size + 1, last_at = greatest(last_at, date_trunc('milliseconds', clock_timestamp()))
    WHERE id = p_mesh_id RETURNING audit_size - 1, last_at INTO v_index, v_at;
  INSERT INTO mesh.audit_leaf (mesh_id, index, at, hash, salt, type, fields)
  VALUES (p_mesh_id, v_index, v_at, mesh_fn.leaf_hash(v_salt, v_index, mesh_fn.ms(v_at), p_type, p_fields), v_salt, p_type, p_fields);
  RETURN v_index;
END $$;

-- Several of one type at once, in this order; the caller holds the mesh's lock. Each has a salt of its own: made in a query that is not flattened.
CREATE FUNCTION mesh_fn.append_leaves(p_mesh_id int, p_type text, p_fields bytea[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_first bigint;
  v_at timestamptz;
BEGIN
  UPDATE mesh.mesh_head SET audit_size = audit_size + cardinality(p_fields),
    last_at = greatest(last_at, date_trunc('milliseconds', clock_timestamp()))
    WHERE id = p_mesh_id RETURNING audit_size - cardinality(p_fields), last_at INTO v_first, v_at;
  INSERT INTO mesh.audit_leaf (mesh_id, index, at, hash, salt, type, fields)
  SELECT p_mesh_id, f.index, v_at, mesh_fn.leaf_hash(f.salt, f.index, mesh_fn.ms(v_at), p_type, f.fields), f.salt, p_type, f.fields
  FROM (SELECT v_first + u.n - 1 AS index, u.fields, uuid_send(gen_random_uuid()) AS salt
    FROM unnest(p_fields) WITH ORDINALITY AS u (fields, n)) f;
END $$;

CREATE FUNCTION mesh_fn.append_audit(p_mesh bytea, p_type text, p_fields bytea) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE v mesh.mesh_head := mesh_fn.lock_mesh(p_mesh);
BEGIN
  RETURN mesh_fn.append_leaf(v.id, p_type, p_fields);
END $$;

-- Days from yesterday to a week ahead, of leaves and of chunks. A day that already overflowed into a default partition stays there.
CREATE FUNCTION mesh_fn.ensure_audit_days(p_now timestamptz) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  v_table text;
  v_day date;
  v_name text;
  v_over boolean;
  v_made int := 0;
BEGIN
  -- Every node makes and drops days: one at a time.
  PERFORM pg_advisory_xact_lock(7236501147002);
  FOR v_table, v_day IN
    SELECT t, (p_now AT TIME ZONE 'UTC')::date + n FROM unnest(ARRAY['audit_leaf', 'audit_chunk']) t, generate_series(-1, 7) n
  LOOP
    v_name := v_table || '_' || to_char(v_day, 'YYYYMMDD');
    CONTINUE WHEN to_regclass('mesh.' || v_name) IS NOT NULL;
    EXECUTE format('SELECT EXISTS (SELECT FROM mesh.%I WHERE at >= $1 AND at < $2)', v_table || '_default')
      INTO v_over USING v_day::timestamp AT TIME ZONE 'UTC', (v_day + 1)::timestamp AT TIME ZONE 'UTC';
    CONTINUE WHEN v_over;
    -- Rows that are never changed leave nothing to clean up: what vacuum does there is done once a million leaves.
    EXECUTE format('CREATE TABLE mesh.%I PARTITION OF mesh.%I FOR VALUES FROM (%L) TO (%L)
      WITH (autovacuum_vacuum_insert_threshold = 1000000, autovacuum_vacuum_insert_scale_factor = 0,
        autovacuum_analyze_threshold = 1000000, autovacuum_analyze_scale_factor = 0)', v_name, v_table,
      v_day::timestamp AT TIME ZONE 'UTC', (v_day + 1)::timestamp AT TIME ZONE 'UTC');
    EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON mesh.%I FOR EACH STATEMENT EXECUTE FUNCTION mesh.refuse_change()', v_name);
    v_made := v_made + 1;
  END LOOP;
  RETURN v_made;
END $$;

-- Every hash of a mesh from one index to another, whether its leaf still stands or not, as one value: runs of leaves in the
-- order of their first, index 8, count 4 and 32 bytes a leaf. A run may begin before and end behind what was asked for. A row
-- for each would cost more than all else that a signature costs.
CREATE FUNCTION mesh_fn.packed_hashes(p_mesh_id int, p_from bigint, p_to bigint) RETURNS bytea LANGUAGE sql STABLE AS $$
  SELECT string_agg(int8send(x.index) || int4send(octet_length(x.hashes) / 32) || x.hashes, ''::bytea ORDER BY x.index) FROM (
    SELECT p.index, p.hash AS hashes FROM mesh.audit_pruned p WHERE p.mesh_id = p_mesh_id AND p.index BETWEEN p_from AND p_to
    UNION ALL
    SELECT l.index, l.hash FROM mesh.audit_leaf l WHERE l.mesh_id = p_mesh_id AND l.index BETWEEN p_from AND p_to
    UNION ALL
    SELECT c.index, c.hashes FROM mesh.audit_chunk c
    WHERE c.mesh_id = p_mesh_id AND c.index BETWEEN p_from - 1023 AND p_to) x
$$;

ALTER FUNCTION mesh_fn.packed_hashes SET enable_seqscan = off;

-- The hashes of a day go to audit_pruned before the day goes. Oldest first, and none while an older leaf stands in a
-- default partition: what is pruned is always a beginning of the log.
CREATE FUNCTION mesh_fn.drop_audit_days(p_before timestamptz) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
  v_day text;
  v_end timestamptz;
  v_gone int := 0;
BEGIN
  PERFORM pg_advisory_xact_lock(7236501147002);
  FOR v_day, v_end IN
    SELECT DISTINCT right(c.relname, 8), (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC'
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('mesh.audit_leaf'::regclass, 'mesh.audit_chunk'::regclass) AND c.relname ~ '_\d{8}$' ORDER BY 1
  LOOP
    EXIT WHEN v_end > p_before OR EXISTS (SELECT FROM mesh.audit_leaf_default WHERE at < v_end)
      OR EXISTS (SELECT FROM mesh.audit_chunk_default WHERE at < v_end);
    IF to_regclass('mesh.audit_leaf_' || v_day) IS NOT NULL THEN
      EXECUTE format('LOCK TABLE mesh.%I IN SHARE MODE', 'audit_leaf_' || v_day);
      EXECUTE format('INSERT INTO mesh.audit_pruned (mesh_id, index, hash) SELECT mesh_id, index, hash FROM mesh.%I ORDER BY 1, 2',
        'audit_leaf_' || v_day);
      EXECUTE format('DROP TABLE mesh.%I', 'audit_leaf_' || v_day);
    END IF;
    IF to_regclass('mesh.audit_chunk_' || v_day) IS NOT NULL THEN
      EXECUTE format('LOCK TABLE mesh.%I IN SHARE MODE', 'audit_chunk_' || v_day);
      -- Joined to nothing, so that a value is fetched once and not once a hash.
      EXECUTE format('INSERT INTO mesh.audit_pruned (mesh_id, index, hash)
        SELECT c.mesh_id, c.index + n, substring(c.hashes FROM n * 32 + 1 FOR 32)
        FROM (SELECT mesh_id, index, hashes || ''''::bytea AS hashes FROM mesh.%I ORDER BY 1, 2 OFFSET 0) c
        CROSS JOIN LATERAL generate_series(0, octet_length(c.hashes) / 32 - 1) n', 'audit_chunk_' || v_day);
      EXECUTE format('DROP TABLE mesh.%I', 'audit_chunk_' || v_day);
    END IF;
    v_gone := v_gone + 1;
  END LOOP;
  RETURN v_gone;
END $$;
