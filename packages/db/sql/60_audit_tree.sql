-- The audit tree above its leaves: heads to sign, subtrees that proofs are made of, checkpoints.

-- Meshes with leaves that no checkpoint covers; the leaf of the newest checkpoint alone is none.
CREATE FUNCTION mesh_fn.audit_due(p_limit int)
RETURNS TABLE (mesh bytea, size bigint, roster_seq bigint, roster_head bytea, checkpoint_size bigint, note text) LANGUAGE sql STABLE AS $$
  SELECT h.mesh, h.audit_size, h.roster_seq, h.roster_head, coalesce(c.size, 0), c.note FROM mesh.mesh_head h
  LEFT JOIN LATERAL (
    SELECT x.size, x.note FROM mesh.audit_checkpoint x WHERE x.mesh_id = h.id ORDER BY x.size DESC LIMIT 1) c ON true
  WHERE h.audit_size > coalesce(c.size + 1, 0)
  ORDER BY h.id LIMIT p_limit
$$;

-- Subtrees, checkpoint and its leaf in one transaction; false where so much is signed already, by another node: checkpoints only grow.
CREATE FUNCTION mesh_fn.put_checkpoint(
  p_mesh bytea, p_size bigint, p_note text, p_fields bytea, p_levels int[], p_indexes bigint[], p_hashes bytea
) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE v mesh.mesh_head := mesh_fn.lock_mesh(p_mesh);
BEGIN
  PERFORM FROM mesh.audit_checkpoint c WHERE c.mesh_id = v.id AND c.size >= p_size;
  IF FOUND THEN RETURN false; END IF;
  INSERT INTO mesh.audit_subtree (mesh_id, level, index, hash)
  SELECT v.id, s.level, s.index, substring(p_hashes FROM (s.ord::int - 1) * 32 + 1 FOR 32)
  FROM unnest(p_levels, p_indexes) WITH ORDINALITY AS s(level, index, ord)
  ON CONFLICT DO NOTHING;
  INSERT INTO mesh.audit_checkpoint (mesh_id, size, note) VALUES (v.id, p_size, p_note);
  PERFORM mesh_fn.append_leaf(v.id, 'checkpoint', p_fields);
  RETURN true;
END $$;

-- Leaves from one index to before another; of a pruned one the hash alone. Of a chunk no more is fetched than is asked for.
CREATE FUNCTION mesh_fn.read_leaves(p_mesh_id int, p_from bigint, p_to bigint)
RETURNS TABLE (index bigint, hash bytea, at bigint, salt bytea, type text, fields bytea) LANGUAGE sql STABLE AS $$
  SELECT p.index, p.hash, NULL::bigint, NULL::bytea, NULL::text, NULL::bytea FROM mesh.audit_pruned p
  WHERE p.mesh_id = p_mesh_id AND p.index >= p_from AND p.index < p_to
  UNION ALL
  SELECT l.index, l.hash, mesh_fn.ms(l.at), l.salt, l.type, l.fields FROM mesh.audit_leaf l
  WHERE l.mesh_id = p_mesh_id AND l.index >= p_from AND l.index < p_to
  UNION ALL
  SELECT c.index + w.low + i, substring(b.hashes FROM i * 32 + 1 FOR 32), mesh_fn.ms(c.at),
    substring(b.bodies FROM i * w.width + 1 FOR 16), c.type, substring(b.bodies FROM i * w.width + 17 FOR w.width - 16)
  FROM mesh.audit_chunk c
  CROSS JOIN LATERAL (SELECT octet_length(c.bodies) / (octet_length(c.hashes) / 32) AS width,
    greatest(p_from - c.index, 0)::int AS low, least(octet_length(c.hashes) / 32, p_to - c.index)::int AS high OFFSET 0) w
  CROSS JOIN LATERAL (SELECT substring(c.hashes FROM w.low * 32 + 1 FOR (w.high - w.low) * 32) AS hashes,
    substring(c.bodies FROM w.low * w.width + 1 FOR (w.high - w.low) * w.width) AS bodies WHERE w.high > w.low OFFSET 0) b
  CROSS JOIN LATERAL generate_series(0, w.high - w.low - 1) i
  WHERE c.mesh_id = p_mesh_id AND c.index > p_from - 1024 AND c.index < p_to
  ORDER BY index
$$;
ALTER FUNCTION mesh_fn.read_leaves SET enable_seqscan = off;
