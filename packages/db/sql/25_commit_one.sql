-- The commonest flush of a quiet broker: one envelope for one known recipient, no ack.
-- What the caller foretells saves nearly all looks: the mesh's id, its next seq and index, its place in the roster, the time of the
-- commit (ms) and the ids of both recipients, known until after that time; p_fields then holds that seq, and p_hash is the leaf's.
-- An id stands for ever, a removal moves the roster, and known_until never goes back: what was known is known while the roster
-- stands. Everything of it is looked up where nothing is foretold (all of it NULL) or anything came otherwise.
-- Answers NULL where it came true; at (ms), seq and index, and what may be foretold of the next one: mesh, place in the roster,
-- sender, recipient, until when both are known (ms; the end of time for a person); nothing ('{}') where the case is any other than
-- plain: nothing was written then, and commit_batch has to judge.
-- p_fields are the leaf's fields in full; seq in them, behind id and sender, counts only where it was foretold.
CREATE FUNCTION mesh_fn.commit_one(
  p_mesh bytea, p_from bytea, p_to bytea, p_expires bigint, p_id bytea, p_content bytea, p_header bytea, p_slot bytea, p_body bytea,
  p_salt bytea, p_fields bytea,
  p_head int, p_seq bigint, p_index bigint, p_roster bigint, p_at bigint, p_from_id bigint, p_to_id bigint, p_hash bytea
) RETURNS bigint[] LANGUAGE plpgsql AS $$
DECLARE
  v_head int; v_seq bigint; v_index bigint; v_several bigint; v_roster bigint;
  v_from bigint; v_to bigint;
  v_from_until timestamptz; v_to_until timestamptz;
  v_now timestamptz;
  v_ms bigint;
  v_fields bytea;
BEGIN
  IF p_head IS NOT NULL THEN
    UPDATE mesh.mesh_head h
    SET seq = p_seq, audit_size = p_index + 1, queued = h.queued + 1, last_at = to_timestamp(p_at::float8 / 1000)
    WHERE h.id = p_head AND h.seq = p_seq - 1 AND h.audit_size = p_index AND h.roster_seq = p_roster AND h.several = 0
      AND h.last_at <= to_timestamp(p_at::float8 / 1000)
      AND clock_timestamp() BETWEEN to_timestamp(p_at::float8 / 1000 - 5) AND to_timestamp(p_at::float8 / 1000 + 5)
      AND NOT EXISTS (SELECT FROM mesh.delivery x WHERE x.from_id = p_from_id AND x.id = p_id);
    IF FOUND THEN
      INSERT INTO mesh.delivery
        (recipient_id, seq, expires_at, mesh_id, shared, from_id, audit_index, at, id, content_hash, header, slot, body)
      VALUES (p_to_id, p_seq, to_timestamp(p_expires::float8 / 1000), p_head, false, p_from_id, p_index,
        to_timestamp(p_at::float8 / 1000), p_id, p_content, p_header, p_slot, p_body);
      INSERT INTO mesh.audit_leaf (mesh_id, index, at, salt, type, fields, hash)
      VALUES (p_head, p_index, to_timestamp(p_at::float8 / 1000), p_salt, 'accepted', p_fields, p_hash);
      RETURN NULL;
    END IF;
  END IF;

  SELECT h.id, h.seq + 1, h.audit_size, h.several, h.roster_seq, greatest(date_trunc('milliseconds', clock_timestamp()), h.last_at)
  INTO v_head, v_seq, v_index, v_several, v_roster, v_now FROM mesh.mesh_head h WHERE h.mesh = p_mesh FOR UPDATE;
  SELECT x.id, coalesce(x.known_until, 'infinity') INTO v_from, v_from_until FROM mesh.recipient x
  WHERE x.mesh_id = v_head AND x.key = p_from AND NOT x.removed;
  SELECT x.id, coalesce(x.known_until, 'infinity') INTO v_to, v_to_until FROM mesh.recipient x
  WHERE x.mesh_id = v_head AND x.key = p_to AND NOT x.removed;
  IF v_from IS NULL OR v_to IS NULL OR least(v_from_until, v_to_until) < v_now THEN RETURN '{}'; END IF;
  PERFORM FROM mesh.delivery x WHERE x.from_id = v_from AND x.id = p_id;
  IF FOUND THEN RETURN '{}'; END IF;
  IF v_several > 0 THEN
    PERFORM FROM mesh.envelope x WHERE x.from_id = v_from AND x.id = p_id;
    IF FOUND THEN RETURN '{}'; END IF;
  END IF;

  v_ms := (extract(epoch FROM v_now) * 1000)::bigint;
  v_fields := overlay(p_fields PLACING int8send(v_seq) FROM octet_length(p_from) + 33);
  INSERT INTO mesh.delivery
    (recipient_id, seq, expires_at, mesh_id, shared, from_id, audit_index, at, id, content_hash, header, slot, body)
  VALUES (v_to, v_seq, to_timestamp(p_expires::float8 / 1000), v_head, false, v_from, v_index, v_now, p_id, p_content,
    p_header, p_slot, p_body);
  INSERT INTO mesh.audit_leaf (mesh_id, index, at, salt, type, fields, hash)
  VALUES (v_head, v_index, v_now, p_salt, 'accepted', v_fields,
    mesh_fn.leaf_hash(p_salt, v_index, v_ms, 'accepted', v_fields));
  UPDATE mesh.mesh_head h SET seq = v_seq, audit_size = v_index + 1, queued = h.queued + 1, last_at = v_now WHERE h.id = v_head;
  RETURN ARRAY[v_ms, v_seq, v_index, v_head, v_roster, v_from, v_to,
    CASE WHEN isfinite(least(v_from_until, v_to_until)) THEN (extract(epoch FROM least(v_from_until, v_to_until)) * 1000)::bigint
      ELSE 9223372036854775807 END];
END $$;
