-- Attachments and leases. Error words are MeshError codes.

CREATE FUNCTION mesh_fn.who_attachment(p_key bytea, p_attachment bigint) RETURNS bytea LANGUAGE sql IMMUTABLE
RETURN mesh_fn.who(p_key) || mesh_fn.number(p_attachment);

CREATE FUNCTION mesh_fn.attach(
  p_mesh bytea, p_key bytea, p_uuid text, p_certificate jsonb, p_known_until bigint, p_prekey jsonb, p_prekey_n bigint,
  p_presence jsonb, p_counter bigint, p_hook bytea, p_node text, p_now bigint, p_renew bigint,
  OUT error text, OUT field text, OUT standing jsonb,
  OUT attachment bigint, OUT queued_up_to bigint, OUT acked bigint, OUT fresh boolean
) LANGUAGE plpgsql AS $$
DECLARE
  v_head mesh.mesh_head := mesh_fn.lock_mesh(p_mesh);
  v_person mesh.recipient;
  v_who mesh.recipient;
  v_lease mesh.lease;
BEGIN
  SELECT * INTO v_person FROM mesh.recipient r WHERE r.mesh_id = v_head.id AND r.key = substring(p_key FROM 1 FOR 32);
  IF NOT FOUND THEN error := 'unauthenticated'; RETURN; END IF;
  IF v_person.removed THEN error := 'removed'; RETURN; END IF;

  SELECT * INTO v_who FROM mesh.recipient r WHERE r.mesh_id = v_head.id AND r.key = p_key FOR UPDATE;
  IF FOUND THEN
    SELECT * INTO v_lease FROM mesh.lease l WHERE l.recipient_id = v_who.id FOR UPDATE;
    IF v_lease.prekey_n > p_prekey_n THEN
      error := 'counter'; field := 'prekey'; standing := v_lease.prekey; RETURN;
    END IF;
    IF p_counter IS NOT NULL AND v_lease.presence_counter > p_counter THEN
      error := 'counter'; field := 'presence'; standing := v_lease.presence; RETURN;
    END IF;
  ELSE
    INSERT INTO mesh.recipient (mesh_id, key) VALUES (v_head.id, p_key) RETURNING * INTO v_who;
  END IF;

  fresh := p_renew IS NULL OR p_renew <> v_who.attachment;
  attachment := v_who.attachment + fresh::int;
  UPDATE mesh.recipient r SET attachment = attach.attachment,
    known_until = CASE WHEN octet_length(p_key) = 64 THEN greatest(r.known_until, mesh_fn.at(p_known_until)) END
    WHERE r.id = v_who.id;
  INSERT INTO mesh.lease AS l (recipient_id, uuid, certificate, prekey, prekey_n, presence, presence_counter, state, state_at, node, hook_token_hash)
  VALUES (v_who.id, p_uuid, p_certificate, p_prekey, p_prekey_n, p_presence, coalesce(p_counter, 0), 'online', mesh_fn.at(p_now), p_node, p_hook)
  ON CONFLICT (recipient_id) DO UPDATE SET
    uuid = excluded.uuid, certificate = excluded.certificate, prekey = excluded.prekey, prekey_n = excluded.prekey_n,
    presence = coalesce(excluded.presence, l.presence), presence_counter = greatest(l.presence_counter, excluded.presence_counter),
    state = 'online', state_at = CASE WHEN l.state = 'online' THEN l.state_at ELSE excluded.state_at END,
    node = excluded.node, hook_token_hash = coalesce(excluded.hook_token_hash, l.hook_token_hash);
  IF fresh THEN PERFORM mesh_fn.append_leaf(v_head.id, 'attached', mesh_fn.who_attachment(p_key, attachment)); END IF;

  acked := v_who.acked;
  queued_up_to := greatest(v_who.acked,
    (SELECT d.seq FROM mesh.delivery d WHERE d.recipient_id = v_who.id AND d.seq > v_who.acked ORDER BY d.seq DESC LIMIT 1));
END $$;
ALTER FUNCTION mesh_fn.attach SET enable_seqscan = off;
ALTER FUNCTION mesh_fn.attach SET enable_bitmapscan = off;

-- The keys of those whose attachment still stood.
CREATE FUNCTION mesh_fn.detach(p_mesh bytea, p_keys bytea[], p_attachments bigint[], p_now bigint)
RETURNS TABLE (key bytea) LANGUAGE plpgsql AS $$
DECLARE
  v_head mesh.mesh_head := mesh_fn.lock_mesh(p_mesh);
  v_keys bytea[];
  v_leaves bytea[];
BEGIN
  WITH gone AS (
    UPDATE mesh.lease l SET state = 'away', state_at = mesh_fn.at(p_now)
    FROM unnest(p_keys, p_attachments) AS g (key, attachment)
    JOIN mesh.recipient q ON q.mesh_id = v_head.id AND q.key = g.key AND q.attachment = g.attachment
    WHERE l.recipient_id = q.id AND l.state = 'online'
    RETURNING q.key, q.attachment)
  SELECT array_agg(g.key), array_agg(mesh_fn.who_attachment(g.key, g.attachment)) INTO v_keys, v_leaves FROM gone g;
  IF v_keys IS NULL THEN RETURN; END IF;
  PERFORM mesh_fn.append_leaves(v_head.id, 'detached', v_leaves);
  RETURN QUERY SELECT k FROM unnest(v_keys) k;
END $$;
ALTER FUNCTION mesh_fn.detach SET enable_seqscan = off;
ALTER FUNCTION mesh_fn.detach SET enable_material = off;
ALTER FUNCTION mesh_fn.detach SET enable_hashjoin = off;
ALTER FUNCTION mesh_fn.detach SET enable_mergejoin = off;
ALTER FUNCTION mesh_fn.detach SET enable_bitmapscan = off;

-- Online leases of these nodes become away, mesh by mesh in order of id, each with its leaf.
CREATE FUNCTION mesh_fn.leave(p_nodes text[], p_at timestamptz)
RETURNS TABLE (mesh bytea, key bytea, state text, state_at bigint) LANGUAGE plpgsql AS $$
DECLARE
  v_head mesh.mesh_head;
  v_keys bytea[];
  v_leaves bytea[];
BEGIN
  FOR v_head IN
    SELECT h.* FROM mesh.mesh_head h WHERE h.id IN (
      SELECT q.mesh_id FROM mesh.lease l JOIN mesh.recipient q ON q.id = l.recipient_id
      WHERE l.state = 'online' AND l.node = ANY (p_nodes))
    ORDER BY h.id FOR UPDATE
  LOOP
    WITH gone AS (
      UPDATE mesh.lease l SET state = 'away', state_at = p_at FROM mesh.recipient q
      WHERE q.id = l.recipient_id AND q.mesh_id = v_head.id AND l.state = 'online' AND l.node = ANY (p_nodes)
      RETURNING q.key, q.attachment)
    SELECT array_agg(g.key), array_agg(mesh_fn.who_attachment(g.key, g.attachment)) INTO v_keys, v_leaves FROM gone g;
    CONTINUE WHEN v_keys IS NULL;
    PERFORM mesh_fn.append_leaves(v_head.id, 'detached', v_leaves);
    RETURN QUERY SELECT v_head.mesh, k, 'away', mesh_fn.ms(p_at) FROM unnest(v_keys) k;
  END LOOP;
END $$;

-- Away ends after the grace.
CREATE FUNCTION mesh_fn.end_grace(p_now bigint, p_grace_ms bigint)
RETURNS TABLE (mesh bytea, key bytea, state text, state_at bigint) LANGUAGE sql AS $$
  UPDATE mesh.lease l SET state = 'offline', state_at = l.state_at + p_grace_ms * interval '1 millisecond'
  FROM mesh.recipient q JOIN mesh.mesh_head h ON h.id = q.mesh_id
  WHERE q.id = l.recipient_id AND l.recipient_id IN (
    SELECT x.recipient_id FROM mesh.lease x WHERE x.state = 'away' AND x.state_at <= mesh_fn.at(p_now - p_grace_ms)
    ORDER BY x.recipient_id FOR UPDATE SKIP LOCKED)
  RETURNING h.mesh, q.key, l.state, mesh_fn.ms(l.state_at)
$$;

-- The lease as it is read: nothing outlives its node or its grace, swept or not.
CREATE FUNCTION mesh_fn.lease_state(p_state text, p_at timestamptz, p_beat timestamptz, p_now timestamptz) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
  WHEN p_state = 'online' AND p_beat >= p_now THEN 'online'
  WHEN p_state = 'offline' THEN 'offline'
  WHEN CASE p_state WHEN 'online' THEN coalesce(p_beat, p_at) ELSE p_at END + interval '90 seconds' > p_now THEN 'away'
  ELSE 'offline' END;

-- These sessions as others see them now, by the clock of `p_now` (ms; the database's where it is NULL). `p_node` asks, so it lives.
-- Asked for at every word of a session: planned once, which costs three times what reading a session does.
CREATE FUNCTION mesh_fn.directory_of(p_mesh bytea, p_keys bytea[], p_node text, p_now bigint)
RETURNS TABLE (changed_at bigint, key bytea, certificate jsonb, presence jsonb, hook_status text, hook_at bigint, lease_at bigint, lease text)
LANGUAGE plpgsql STABLE AS $$
DECLARE
  v_now timestamptz := coalesce(mesh_fn.at(p_now), clock_timestamp());
BEGIN
  RETURN QUERY
  SELECT mesh_fn.ms(l.changed_at), r.key, l.certificate, l.presence, l.hook_status, mesh_fn.ms(l.hook_at), mesh_fn.ms(l.state_at),
    mesh_fn.lease_state(l.state, l.state_at, CASE WHEN l.node = p_node THEN 'infinity' ELSE n.beat_until END, v_now)
  FROM mesh.mesh_head h
  JOIN mesh.recipient r ON r.mesh_id = h.id AND r.key = ANY (p_keys)
  JOIN mesh.lease l ON l.recipient_id = r.id
  LEFT JOIN mesh.node n ON n.name = l.node
  WHERE h.mesh = p_mesh AND NOT r.removed AND r.known_until >= v_now AND l.certificate IS NOT NULL;
END $$;
ALTER FUNCTION mesh_fn.directory_of SET enable_seqscan = off;
ALTER FUNCTION mesh_fn.directory_of SET enable_material = off;
ALTER FUNCTION mesh_fn.directory_of SET enable_hashjoin = off;
ALTER FUNCTION mesh_fn.directory_of SET enable_mergejoin = off;
ALTER FUNCTION mesh_fn.directory_of SET enable_bitmapscan = off;
ALTER FUNCTION mesh_fn.directory_of SET plan_cache_mode = force_generic_plan;
