-- The roster: compare-and-swap on the head; entry, leaf, member and invite rows, copies in one transaction.

CREATE FUNCTION mesh_fn.write_entry(p_mesh_id int, p_seq bigint, p_hash bytea, p_entry jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mesh.roster_entry (mesh_id, seq, hash, entry) VALUES (p_mesh_id, p_seq, p_hash, p_entry);
  PERFORM mesh_fn.append_leaf(p_mesh_id, 'roster',
    mesh_fn.number(p_seq) || mesh_fn.field(p_hash) || mesh_fn.field(convert_to(p_entry ->> 'kind', 'UTF8')));
END $$;

CREATE FUNCTION mesh_fn.add_member(p_mesh_id int, p_key bytea, p_role text, p_seq bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO mesh.member (mesh_id, key, role, joined_seq) VALUES (p_mesh_id, p_key, p_role, p_seq);
  INSERT INTO mesh.recipient (mesh_id, key) VALUES (p_mesh_id, p_key);
END $$;

-- p_effect: {kind: add | role | remove | invite | none}; p_key: the member, p_role; p_invite: hash of the invite entry, p_code.
CREATE FUNCTION mesh_fn.append_roster(
  p_mesh bytea, p_expected_seq bigint, p_expected_head bytea, p_hash bytea, p_entry jsonb,
  p_effect text, p_key bytea, p_role text, p_invite bytea, p_code bytea,
  p_epoch int, p_copy_to bytea, p_copies bytea, p_now bigint,
  OUT won boolean, OUT seq bigint, OUT head bytea
) LANGUAGE plpgsql AS $$
DECLARE
  v_head mesh.mesh_head := mesh_fn.lock_mesh(p_mesh);
  v_role text := p_role;
BEGIN
  won := v_head.roster_seq = p_expected_seq AND v_head.roster_head = p_expected_head;
  seq := v_head.roster_seq; head := v_head.roster_head;
  IF NOT won THEN RETURN; END IF;
  seq := seq + 1; head := p_hash;
  UPDATE mesh.mesh_head h SET roster_seq = append_roster.seq, roster_head = p_hash WHERE h.id = v_head.id;
  PERFORM mesh_fn.write_entry(v_head.id, seq, p_hash, p_entry);
  CASE p_effect
    WHEN 'add' THEN
      UPDATE mesh.invite i SET used = i.used + 1 WHERE i.mesh_id = v_head.id AND i.hash = p_invite;
      SELECT e.entry -> 'body' ->> 'role' INTO v_role FROM mesh.roster_entry e
        WHERE e.mesh_id = v_head.id AND e.hash = p_invite;
      PERFORM mesh_fn.add_member(v_head.id, p_key, coalesce(v_role, 'member'), seq);
      PERFORM mesh_fn.append_leaf(v_head.id, 'invite-used', mesh_fn.field(p_invite) || mesh_fn.field(p_key) || mesh_fn.number(seq));
    WHEN 'role' THEN
      UPDATE mesh.member m SET role = p_role WHERE m.mesh_id = v_head.id AND m.key = p_key;
    WHEN 'remove' THEN
      UPDATE mesh.member m SET removed_seq = append_roster.seq WHERE m.mesh_id = v_head.id AND m.key = p_key;
      UPDATE mesh.lease l SET state = 'offline', state_at = mesh_fn.at(p_now), hook_token_hash = NULL FROM mesh.recipient r
        WHERE r.id = l.recipient_id AND r.mesh_id = v_head.id AND substring(r.key FROM 1 FOR 32) = p_key;
      UPDATE mesh.recipient r SET removed = true WHERE r.mesh_id = v_head.id AND substring(r.key FROM 1 FOR 32) = p_key;
    WHEN 'invite' THEN
      INSERT INTO mesh.invite (code, mesh_id, hash) VALUES (p_code, v_head.id, p_hash);
    ELSE NULL;
  END CASE;
  INSERT INTO mesh.epoch_copy (mesh_id, roster_seq, "to", epoch, copy)
  SELECT v_head.id, append_roster.seq, substring(p_copy_to FROM n * 32 + 1 FOR 32), p_epoch, substring(p_copies FROM n * 1200 + 1 FOR 1200)
  FROM generate_series(0, octet_length(p_copy_to) / 32 - 1) n;
END $$;

-- True when it was made; false when exactly this chain began it before; error otherwise.
CREATE FUNCTION mesh_fn.create_mesh(p_mesh bytea, p_owner bytea, p_hashes bytea, p_entries jsonb, p_now bigint) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
  v_id int;
  v_last int := jsonb_array_length(p_entries) - 1;
BEGIN
  INSERT INTO mesh.mesh_head (mesh, roster_seq, roster_head, last_at)
    VALUES (p_mesh, v_last, substring(p_hashes FROM v_last * 32 + 1 FOR 32), least(mesh_fn.at(p_now), date_trunc('milliseconds', clock_timestamp())))
    ON CONFLICT (mesh) DO NOTHING RETURNING id INTO v_id;
  IF v_id IS NULL THEN
    IF EXISTS (SELECT FROM mesh.roster_entry e JOIN mesh.mesh_head h ON h.id = e.mesh_id
      WHERE h.mesh = p_mesh AND e.seq = v_last AND e.hash = substring(p_hashes FROM v_last * 32 + 1 FOR 32)) THEN RETURN false; END IF;
    RAISE EXCEPTION 'another chain stands' USING ERRCODE = 'CM002';
  END IF;
  FOR n IN 0 .. v_last LOOP
    PERFORM mesh_fn.write_entry(v_id, n, substring(p_hashes FROM n * 32 + 1 FOR 32), p_entries -> n);
  END LOOP;
  PERFORM mesh_fn.add_member(v_id, p_owner, 'owner', 0);
  RETURN true;
END $$;
