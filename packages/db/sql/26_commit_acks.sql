-- Acks alone, of recipients of one mesh whose ids and marks the caller knows: their leaves come hashed, and nobody is looked up by key.
-- What it foretells: the mesh's id, the index of the first leaf, the mesh's place in the roster, the time of the commit (ms), and of each
-- ack the recipient's id, its attachment and the mark it moves on from (p_lo) to p_hi, by rising id, each once. An id stands while the
-- roster does: see commit_one. Leaves have an order of their own: those of p_persons persons come first, for the leaves of each kind are
-- of one length and stand in one row of audit_chunk.
-- Answers the place (from 1) of the ack of each row that left a queue. NULL where the mesh is not as foretold, and CM002 is raised where a
-- recipient is not: nothing is written then, and commit_batch has to judge.
CREATE FUNCTION mesh_fn.commit_acks(
  p_head int, p_index bigint, p_roster bigint, p_at bigint,
  p_ids bigint[], p_attachments bigint[], p_lo bigint[], p_hi bigint[],
  p_persons int, p_hashes bytea, p_bodies bytea
) RETURNS int[] LANGUAGE plpgsql AS $$
DECLARE
  v_count int := cardinality(p_ids);
  v_at timestamptz := to_timestamp(p_at::float8 / 1000);
  v_rows tid[];
  v_gone int[];
  n int;
BEGIN
  -- While there is no envelope for several, nothing but its own row goes with an ack.
  PERFORM FROM mesh.mesh_head h
  WHERE h.id = p_head AND h.audit_size = p_index AND h.roster_seq = p_roster AND h.several = 0 AND h.last_at <= v_at
    AND h.seq >= ALL (p_hi) AND clock_timestamp() BETWEEN to_timestamp(p_at::float8 / 1000 - 5) AND to_timestamp(p_at::float8 / 1000 + 5)
  FOR UPDATE;
  IF NOT FOUND THEN RETURN NULL; END IF;

  UPDATE mesh.recipient q SET acked = p_hi[width_bucket(q.id, p_ids)]
  WHERE q.id = ANY (p_ids) AND q.attachment = p_attachments[width_bucket(q.id, p_ids)] AND q.acked = p_lo[width_bucket(q.id, p_ids)];
  GET DIAGNOSTICS n = ROW_COUNT;
  IF n <> v_count THEN RAISE EXCEPTION 'not as foretold' USING ERRCODE = 'CM002'; END IF;

  SELECT array_agg(x.tid), array_agg(ord) INTO v_rows, v_gone
  FROM generate_series(1, v_count) AS ord
  CROSS JOIN LATERAL (
    SELECT y.ctid AS tid FROM mesh.delivery y
    WHERE y.recipient_id = p_ids[ord] AND y.seq > p_lo[ord] AND y.seq <= p_hi[ord] OFFSET 0) x;
  DELETE FROM mesh.delivery d WHERE d.ctid = ANY (v_rows);

  -- 80 bytes of salt and fields are a person's; a session has a key of its own.
  IF p_persons > 0 THEN
    INSERT INTO mesh.audit_chunk (mesh_id, index, at, type, hashes, bodies)
    VALUES (p_head, p_index, v_at, 'delivered', substring(p_hashes FOR p_persons * 32), substring(p_bodies FOR p_persons * 80));
  END IF;
  IF p_persons < v_count THEN
    INSERT INTO mesh.audit_chunk (mesh_id, index, at, type, hashes, bodies)
    VALUES (p_head, p_index + p_persons, v_at, 'delivered', substring(p_hashes FROM p_persons * 32 + 1),
      substring(p_bodies FROM p_persons * 80 + 1));
  END IF;
  UPDATE mesh.mesh_head h
  SET audit_size = p_index + v_count, queued = h.queued - coalesce(cardinality(v_gone), 0), last_at = v_at
  WHERE h.id = p_head;
  RETURN coalesce(v_gone, '{}');
END $$;
