-- Some envelopes of one mesh, each for one recipient, where all is foretold as for commit_one: numbers from p_seq and p_index on, one
-- time (ms), the ids of senders and recipients. Items lie in p_pack as commit_batch has them, every sender's key of p_len bytes; their
-- leaves come as the columns of audit_chunk. False where anything came otherwise: nothing was written then, and commit_batch has to judge;
-- and so where an id stands already, which the unique index refuses.
CREATE FUNCTION mesh_fn.commit_few(
  p_head int, p_seq bigint, p_index bigint, p_roster bigint, p_at bigint,
  p_from bigint[], p_to bigint[], p_len int, a_off int[], a_header int[], a_body int[], a_expires bigint[], t_len int[],
  p_pack bytea, p_hashes bytea, p_bodies bytea
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_count int := cardinality(p_from);
  v_at timestamptz := to_timestamp(p_at::float8 / 1000);
BEGIN
  UPDATE mesh.mesh_head h
  SET seq = p_seq + v_count - 1, audit_size = p_index + v_count, queued = h.queued + v_count, last_at = v_at
  WHERE h.id = p_head AND h.seq = p_seq - 1 AND h.audit_size = p_index AND h.roster_seq = p_roster AND h.several = 0
    AND h.last_at <= v_at AND clock_timestamp() BETWEEN to_timestamp(p_at::float8 / 1000 - 5) AND to_timestamp(p_at::float8 / 1000 + 5);
  IF NOT FOUND THEN RETURN false; END IF;
  INSERT INTO mesh.delivery
    (recipient_id, seq, expires_at, mesh_id, shared, from_id, audit_index, at, id, content_hash, header, slot, body)
  SELECT p_to[i], p_seq + i - 1, to_timestamp(a_expires[i]::float8 / 1000), p_head, false, p_from[i], p_index + i - 1, v_at,
    substring(p_pack FROM a_off[i] + 79 FOR 16), substring(p_pack FROM a_off[i] FOR 32),
    substring(p_pack FROM a_off[i] + p_len + 143 FOR a_header[i]),
    substring(p_pack FROM a_off[i] + p_len + 143 + a_header[i] + a_body[i] FOR t_len[i]),
    substring(p_pack FROM a_off[i] + p_len + 143 + a_header[i] FOR a_body[i])
  FROM generate_series(1, v_count) AS i;
  INSERT INTO mesh.audit_chunk (mesh_id, index, at, type, hashes, bodies)
  VALUES (p_head, p_index, v_at, 'accepted', p_hashes, p_bodies);
  RETURN true;
END $$;
