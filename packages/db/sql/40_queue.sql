-- Reading a queue, and ending what nobody will fetch.

-- What several recipients have not acked, in the order asked for: of each what is above `p_after` and its ack, up to `p_rows` rows and, past
-- the first, `p_bytes` bytes. A row of its own says where the mesh stands where a queue has none, or that bytes cut it: `more`. Once `p_total`
-- bytes are read, the rest is not looked at.
CREATE FUNCTION mesh_fn.read_queues(p_meshes bytea, p_keys bytea, p_len int[], p_after bigint[], p_rows int[], p_bytes bigint[], p_total bigint)
RETURNS SETOF record LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_head bigint;
  v_id bigint;
  v_mesh int;
  v_from bigint;
  v_size bigint;
  v_total bigint := 0;
  v_found boolean;
  v_cut boolean;
  v_row record;
BEGIN
  FOR i IN 1..cardinality(p_len) LOOP
    EXIT WHEN v_total >= p_total;
    SELECT h.seq, r.id, r.mesh_id, greatest(r.acked, p_after[i]) INTO v_head, v_id, v_mesh, v_from
    FROM mesh.mesh_head h LEFT JOIN mesh.recipient r ON r.mesh_id = h.id
      AND r.key = substring(p_keys FROM (i - 1) * 64 + 1 FOR p_len[i])
    WHERE h.mesh = substring(p_meshes FROM (i - 1) * 32 + 1 FOR 32);
    v_size := 0;
    v_found := false;
    v_cut := false;
    FOR v_row IN
      SELECT i AS place, v_head AS head, d.seq, coalesce(d.header, e.header) AS header, d.slot, coalesce(d.body, e.body) AS body,
        d.kind, d.why, d.id AS envelope_id, d.to_key, mesh_fn.ms(d.at) AS at, d.signature, false AS more
      FROM (SELECT x.* FROM mesh.delivery x WHERE x.recipient_id = v_id AND x.seq > v_from ORDER BY x.seq LIMIT p_rows[i]) d
      LEFT JOIN LATERAL (
        SELECT x.header, x.body FROM mesh.envelope x WHERE d.shared AND x.mesh_id = v_mesh AND x.seq = d.seq OFFSET 0) e ON true
      ORDER BY d.seq
    LOOP
      v_size := v_size + CASE WHEN v_row.kind IS NOT NULL THEN 256
        ELSE octet_length(v_row.slot) + octet_length(v_row.header) + octet_length(v_row.body) END;
      v_cut := v_found AND v_size > p_bytes[i];
      EXIT WHEN v_cut;
      RETURN NEXT v_row;
      v_found := true;
    END LOOP;
    v_total := v_total + v_size;
    IF v_cut OR NOT v_found THEN
      SELECT i, v_head, NULL::bigint, NULL::bytea, NULL::bytea, NULL::bytea, NULL::text, NULL::text, NULL::bytea, NULL::bytea,
        NULL::bigint, NULL::bytea, v_cut INTO v_row;
      RETURN NEXT v_row;
    END IF;
  END LOOP;
END $$;

-- Rows whose time is over, oldest first. Left out: rows up to the floor of a live attachment here (p_live_*), and
-- everything of a recipient that is attached at another living node, which knows what it handed out.
CREATE FUNCTION mesh_fn.read_due(p_now bigint, p_limit int, p_node text, p_live_mesh bytea, p_live_len int[], p_live_keys bytea, p_live_upto bigint[])
RETURNS TABLE (mesh bytea, seq bigint, envelope_id bytea, from_key bytea, to_key bytea, to_id bigint) LANGUAGE plpgsql AS $$
DECLARE v_live jsonb;
BEGIN
  SELECT coalesce(jsonb_object_agg(r.id, l.upto), '{}') INTO v_live
  FROM unnest(p_live_len, p_live_upto) WITH ORDINALITY AS l(len, upto, ord)
  JOIN mesh.mesh_head h ON h.mesh = substring(p_live_mesh FROM (l.ord::int - 1) * 32 + 1 FOR 32)
  JOIN mesh.recipient r ON r.mesh_id = h.id AND r.key = substring(p_live_keys FROM (l.ord::int - 1) * 64 + 1 FOR l.len);
  RETURN QUERY
  SELECT h.mesh, d.seq, coalesce(d.id, e.id), s.key, r.key, d.recipient_id
  FROM mesh.delivery d
  LEFT JOIN LATERAL (
    SELECT x.id, x.from_id FROM mesh.envelope x WHERE d.shared AND x.mesh_id = d.mesh_id AND x.seq = d.seq OFFSET 0) e ON true
  LEFT JOIN mesh.recipient r ON r.id = d.recipient_id
  LEFT JOIN mesh.recipient s ON s.id = coalesce(d.from_id, e.from_id)
  LEFT JOIN mesh.mesh_head h ON h.id = d.mesh_id
  WHERE d.kind IS NULL AND d.expires_at <= mesh_fn.at(p_now)
    AND d.seq > coalesce((v_live ->> d.recipient_id::text)::bigint, 0)
    AND NOT EXISTS (SELECT FROM mesh.lease l LEFT JOIN mesh.node n ON n.name = l.node
      WHERE l.recipient_id = d.recipient_id AND l.state = 'online' AND l.node <> p_node AND n.beat_until >= mesh_fn.at(p_now))
  ORDER BY d.expires_at LIMIT p_limit;
END $$;
ALTER FUNCTION mesh_fn.read_due SET enable_seqscan = off;
ALTER FUNCTION mesh_fn.read_due SET enable_material = off;
ALTER FUNCTION mesh_fn.read_due SET enable_hashjoin = off;
ALTER FUNCTION mesh_fn.read_due SET enable_mergejoin = off;
ALTER FUNCTION mesh_fn.read_due SET enable_bitmapscan = off;

-- What is queued from or to removed members.
CREATE FUNCTION mesh_fn.read_dropped(p_mesh bytea, p_limit int)
RETURNS TABLE (mesh bytea, seq bigint, envelope_id bytea, from_key bytea, to_key bytea, to_id bigint) LANGUAGE plpgsql AS $$
BEGIN
  RETURN QUERY
  WITH gone AS MATERIALIZED (
    SELECT r.id, r.mesh_id FROM mesh.recipient r JOIN mesh.mesh_head h ON h.id = r.mesh_id WHERE h.mesh = p_mesh AND r.removed
  ), rows AS (
    SELECT d.recipient_id, d.seq FROM gone g JOIN mesh.delivery d ON d.recipient_id = g.id WHERE d.kind IS NULL
    UNION
    SELECT d.recipient_id, d.seq FROM gone g JOIN mesh.delivery d ON d.from_id = g.id
    UNION
    SELECT d.recipient_id, d.seq FROM gone g JOIN mesh.envelope e ON e.from_id = g.id
      JOIN mesh.delivery d ON d.mesh_id = e.mesh_id AND d.seq = e.seq AND d.shared
  )
  SELECT p_mesh, d.seq, coalesce(d.id, e.id), s.key, r.key, r.id
  FROM (SELECT * FROM rows ORDER BY rows.seq, rows.recipient_id LIMIT p_limit) x
  JOIN mesh.delivery d ON d.recipient_id = x.recipient_id AND d.seq = x.seq
  LEFT JOIN mesh.envelope e ON d.shared AND e.mesh_id = d.mesh_id AND e.seq = d.seq
  JOIN mesh.recipient r ON r.id = x.recipient_id
  JOIN mesh.recipient s ON s.id = coalesce(d.from_id, e.from_id);
END $$;
ALTER FUNCTION mesh_fn.read_dropped SET enable_seqscan = off;
ALTER FUNCTION mesh_fn.read_dropped SET enable_material = off;
ALTER FUNCTION mesh_fn.read_dropped SET enable_hashjoin = off;
ALTER FUNCTION mesh_fn.read_dropped SET enable_mergejoin = off;
ALTER FUNCTION mesh_fn.read_dropped SET enable_bitmapscan = off;

-- Row, leaf and fact in one transaction; what no longer stands, or was handed on after it was read, is skipped.
CREATE FUNCTION mesh_fn.settle(p_mesh bytea, p_seq bigint[], p_to bigint[], p_kind text, p_why text, p_at bigint, p_signatures bytea, p_keep bigint)
RETURNS TABLE (ord int, fact_seq bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_head mesh.mesh_head := mesh_fn.lock_mesh(p_mesh);
  v_seq bigint := v_head.seq;
  v_queued bigint := 0;
  v_several bigint := 0;
  v_row mesh.delivery;
  v_id bytea;
  v_from_id bigint;
  v_from mesh.recipient;
  v_to_key bytea;
BEGIN
  FOR i IN 1 .. cardinality(p_seq) LOOP
    DELETE FROM mesh.delivery d WHERE d.recipient_id = p_to[i] AND d.seq = p_seq[i] AND d.kind IS NULL RETURNING d.* INTO v_row;
    CONTINUE WHEN NOT FOUND;
    v_queued := v_queued - 1;
    v_id := v_row.id; v_from_id := v_row.from_id;
    IF v_row.shared THEN
      SELECT e.id, e.from_id INTO v_id, v_from_id FROM mesh.envelope e WHERE e.mesh_id = v_head.id AND e.seq = p_seq[i];
      IF NOT EXISTS (SELECT FROM mesh.delivery d WHERE d.mesh_id = v_head.id AND d.seq = p_seq[i] AND d.shared) THEN
        DELETE FROM mesh.envelope e WHERE e.mesh_id = v_head.id AND e.seq = p_seq[i];
        v_several := v_several - 1;
      END IF;
    END IF;
    SELECT * INTO v_from FROM mesh.recipient r WHERE r.id = v_from_id;
    SELECT r.key INTO v_to_key FROM mesh.recipient r WHERE r.id = p_to[i];
    ord := i;
    fact_seq := 0;
    IF NOT v_from.removed THEN
      v_seq := v_seq + 1;
      v_queued := v_queued + 1;
      fact_seq := v_seq;
      INSERT INTO mesh.delivery (recipient_id, seq, expires_at, mesh_id, shared, at, id, kind, why, to_key, signature)
      VALUES (v_from.id, v_seq, mesh_fn.at(p_keep), v_head.id, false, mesh_fn.at(p_at), v_id, p_kind, p_why, v_to_key,
        substring(p_signatures FROM (i - 1) * 64 + 1 FOR 64));
    END IF;
    PERFORM mesh_fn.append_leaf(v_head.id, p_kind, mesh_fn.field(v_id) || mesh_fn.who(v_from.key) || mesh_fn.who(v_to_key) || mesh_fn.number(p_seq[i]));
    RETURN NEXT;
  END LOOP;
  UPDATE mesh.mesh_head h SET seq = v_seq, queued = h.queued + v_queued, several = h.several + v_several WHERE h.id = v_head.id;
END $$;
ALTER FUNCTION mesh_fn.settle SET enable_seqscan = off;
ALTER FUNCTION mesh_fn.settle SET enable_bitmapscan = off;

CREATE FUNCTION mesh_fn.drop_old_facts(p_now bigint) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  r record;
  v_n int;
  v_all int := 0;
BEGIN
  FOR r IN
    SELECT h.id FROM mesh.mesh_head h WHERE h.id IN (
      SELECT d.mesh_id FROM mesh.delivery d WHERE d.kind IS NOT NULL AND d.expires_at <= mesh_fn.at(p_now))
    ORDER BY h.id FOR UPDATE
  LOOP
    DELETE FROM mesh.delivery d WHERE d.mesh_id = r.id AND d.kind IS NOT NULL AND d.expires_at <= mesh_fn.at(p_now);
    GET DIAGNOSTICS v_n = ROW_COUNT;
    UPDATE mesh.mesh_head h SET queued = h.queued - v_n WHERE h.id = r.id;
    v_all := v_all + v_n;
  END LOOP;
  RETURN v_all;
END $$;
ALTER FUNCTION mesh_fn.drop_old_facts SET enable_seqscan = off;

-- Whether this role may vacuum the queue (PostgreSQL 17 and newer know that right; before, its owner) and p_gone deleted rows are worth it:
-- a pass reads every index entry of the rows that still wait.
CREATE FUNCTION mesh_fn.worth_reclaiming(p_gone bigint) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_table pg_class;
BEGIN
  SELECT * INTO v_table FROM pg_class c WHERE c.oid = 'mesh.delivery'::regclass;
  IF p_gone < v_table.reltuples / 4 THEN RETURN false; END IF;
  IF current_setting('server_version_num')::int >= 170000 THEN RETURN has_table_privilege(v_table.oid, 'MAINTAIN'); END IF;
  RETURN pg_has_role(v_table.relowner, 'USAGE');
END $$;
