-- The hot lane: one call commits one flush. Locks, looks at the roster, numbers, writes, hashes: no round trip in between.
--
-- Everything of varying length is packed and cut by substring; everything else comes as arrays of numbers.
-- "who" is everybody the batch names, once each: w_mesh (place in p_meshes), w_len (32 person, 64 session), w_keys (64-byte stride).
-- An item in p_pack: id 16 | content hash 32 | hash of to[] 32 | header | body; a_off counts from 1.
-- Its targets are t_*[a_first .. a_first + a_count - 1]; t_item and all "who" are places counted from 1.
-- Verdicts: 0 committed, 1 repeat, 2 conflict, 3 unknown-recipient, 4 removed, 5 not-attached, 6 unknown-mesh.
-- Acks: 0 done, 1 replaced, 2 bad-ack.
CREATE FUNCTION mesh_fn.commit_batch(
  p_meshes bytea, w_mesh int[], w_len int[], w_keys bytea,
  a_from int[], a_off int[], a_header int[], a_body int[], a_expires bigint[], a_first int[], a_count int[],
  t_item int[], t_who int[], t_off int[], t_len int[],
  k_who int[], k_attachment bigint[], k_upto bigint[],
  p_pack bytea,
  OUT at_ms bigint, OUT verdicts int[], OUT seqs bigint[], OUT indexes bigint[], OUT times bigint[], OUT states text[],
  OUT ack_codes int[], OUT ack_marks bigint[], OUT gone_ack int[], OUT gone_count int[]
) LANGUAGE plpgsql AS $$
DECLARE
  v_meshes int := octet_length(p_meshes) / 32;
  v_head int[] := array_fill(0, ARRAY[v_meshes]);
  v_seq bigint[] := array_fill(0::bigint, ARRAY[v_meshes]);
  v_audit bigint[] := v_seq;
  v_queued bigint[] := v_seq;
  v_now timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_keys bytea[];
  v_who bigint[];
  v_tids tid[];
  v_state int[];
  v_plain boolean;
  v_fresh bigint;
  v_rows bigint;
  v_ok_from bigint[];
  v_gone_mesh int[]; v_gone_seq bigint[];
  v_fact_ack int[];
  v_shared_mesh int[]; v_shared_seq bigint[];
  v_ack_id bigint[];
  -- leaf_hash and who are written out below: a call of a function per row costs more than the row
  v_leaf bytea := '\x00636c617564656d6573682f76312f6c65616600000010';
  v_leaf_at bytea;
  r record;
BEGIN
  -- Every table is reached by LATERAL … OFFSET 0: a plain join planned while the table is empty puts the table outside
  -- or scans all of its index, and does so for ever; what stands inside can only be looked up by key.
  -- 1. the locks, in order of id
  v_keys := ARRAY(SELECT substring(p_meshes FROM m * 32 + 1 FOR 32) FROM generate_series(0, v_meshes - 1) m);
  FOR r IN
    SELECT array_position(v_keys, h.mesh) AS ix, h.id, h.seq, h.audit_size, h.last_at
    FROM mesh.mesh_head h WHERE h.mesh = ANY (v_keys)
    ORDER BY h.id FOR UPDATE
  LOOP
    v_head[r.ix] := r.id; v_seq[r.ix] := r.seq; v_audit[r.ix] := r.audit_size;
    v_now := greatest(v_now, r.last_at);
  END LOOP;
  at_ms := mesh_fn.ms(v_now);
  v_leaf_at := '\x00000008'::bytea || int8send(at_ms);

  -- 2. everybody named, as the roster stands under the lock: 0 known, 1 unknown, 2 removed
  SELECT array_agg(s.id ORDER BY s.ord), array_agg(s.state ORDER BY s.ord), bool_and(s.state = 0)
  INTO v_who, v_state, v_plain
  FROM (
    SELECT w.ord, coalesce(q.id, 0) AS id, CASE
      WHEN q.removed THEN 2
      WHEN q.id IS NULL THEN CASE WHEN (
        SELECT p.removed FROM mesh.recipient p
        WHERE p.mesh_id = v_head[w.mesh] AND p.key = substring(w_keys FROM (w.ord::int - 1) * 64 + 1 FOR 32)) THEN 2 ELSE 1 END
      WHEN q.known_until < v_now THEN 1
      ELSE 0 END AS state
    FROM unnest(w_mesh, w_len) WITH ORDINALITY AS w(mesh, len, ord)
    LEFT JOIN LATERAL (
      SELECT x.id, x.removed, x.known_until FROM mesh.recipient x
      WHERE x.mesh_id = v_head[w.mesh] AND x.key = substring(w_keys FROM (w.ord::int - 1) * 64 + 1 FOR w.len) OFFSET 0) q ON true
    OFFSET 0
  ) s;

  IF cardinality(a_from) > 0 THEN
    -- 3. a verdict for each item, and a number for each that is new
    SELECT array_agg(n.verdict ORDER BY n.ord),
      array_agg(CASE n.verdict WHEN 0 THEN v_seq[n.mesh] + n.fresh WHEN 1 THEN n.seq ELSE 0 END ORDER BY n.ord),
      array_agg(CASE n.verdict WHEN 0 THEN v_audit[n.mesh] + n.fresh - 1 WHEN 1 THEN n.audit_index ELSE 0 END ORDER BY n.ord),
      array_agg(CASE n.verdict WHEN 1 THEN (extract(epoch FROM n.accepted_at) * 1000)::bigint ELSE at_ms END ORDER BY n.ord),
      array_agg(CASE WHEN n.verdict IN (0, 3) THEN n.fresh_states WHEN n.verdict = 1 THEN n.states ELSE '' END ORDER BY n.ord),
      count(*) FILTER (WHERE n.verdict = 0), sum(length(n.fresh_states) - length(replace(n.fresh_states, '0', ''))) FILTER (WHERE n.verdict = 0)
    INTO verdicts, seqs, indexes, times, states, v_fresh, v_rows
    FROM (
      SELECT v.*, count(*) FILTER (WHERE v.verdict = 0) OVER (PARTITION BY v.mesh ORDER BY v.ord) AS fresh
      FROM (
        SELECT i.ord, w_mesh[i.whom] AS mesh, s.fresh_states, e.seq, e.audit_index, e.accepted_at, e.states, CASE
          WHEN v_head[w_mesh[i.whom]] = 0 THEN 6
          WHEN v_state[i.whom] = 2 THEN 4
          WHEN v_who[i.whom] = 0 THEN 5
          WHEN e.seq IS NOT NULL THEN CASE WHEN e.content_hash = substring(p_pack FROM i.off + 16 FOR 32) THEN 1 ELSE 2 END
          WHEN position('0' IN s.fresh_states) = 0 THEN 3
          ELSE 0 END AS verdict
        FROM unnest(a_from, a_off, a_first, a_count) WITH ORDINALITY AS i(whom, off, first, count, ord)
        CROSS JOIN LATERAL (SELECT CASE WHEN v_plain THEN repeat('0', i.count) ELSE (
          SELECT string_agg(v_state[t_who[x]]::text, '' ORDER BY x) FROM generate_series(i.first, i.first + i.count - 1) x
        ) END AS fresh_states OFFSET 0) s
        LEFT JOIN LATERAL (
          SELECT x.seq, x.audit_index, x.accepted_at, x.states, x.content_hash FROM mesh.envelope x
          WHERE x.from_id = v_who[i.whom] AND x.id = substring(p_pack FROM i.off FOR 16) OFFSET 0) e ON true
        OFFSET 0
      ) v
    ) n;

    -- 4. envelopes, deliveries, leaves
    INSERT INTO mesh.envelope
      (mesh_id, seq, from_id, id, content_hash, header, body, states, audit_index, accepted_at, expires_at, sole_id)
    SELECT v_head[w_mesh[i.whom]], seqs[i.ord], v_who[i.whom], substring(p_pack FROM i.off FOR 16),
      substring(p_pack FROM i.off + 16 FOR 32), substring(p_pack FROM i.off + 80 FOR i.header),
      substring(p_pack FROM i.off + 80 + i.header FOR i.body), i.states, indexes[i.ord], v_now,
      to_timestamp(i.expires::float8 / 1000), CASE WHEN i.count = 1 THEN v_who[t_who[i.first]] END
    FROM unnest(a_from, a_off, a_header, a_body, a_expires, a_first, a_count, states)
      WITH ORDINALITY AS i(whom, off, header, body, expires, first, count, states, ord)
    WHERE verdicts[i.ord] = 0;

    INSERT INTO mesh.delivery (recipient_id, seq, mesh_id, shared, slot)
    SELECT v_who[t.whom], seqs[t.item], v_head[w_mesh[t.whom]], a_count[t.item] > 1, substring(p_pack FROM t.off FOR t.len)
    FROM unnest(t_item, t_who, t_off, t_len) AS t(item, whom, off, len)
    WHERE verdicts[t.item] = 0 AND v_state[t.whom] = 0;

    WITH raw AS MATERIALIZED (
      SELECT v_head[w_mesh[i.whom]] AS mesh_id, indexes[i.ord] AS index, uuid_send(gen_random_uuid()) AS salt,
        '\x00000010'::bytea || substring(p_pack FROM i.off FOR 16)
          || '\x00000020'::bytea || substring(w_keys FROM (i.whom - 1) * 64 + 1 FOR 32)
          || CASE w_len[i.whom] WHEN 32 THEN '\xffffffff'::bytea
            ELSE '\x00000020'::bytea || substring(w_keys FROM (i.whom - 1) * 64 + 33 FOR 32) END
          || '\x00000008'::bytea || int8send(seqs[i.ord])
          || '\x00000020'::bytea || substring(p_pack FROM i.off + 48 FOR 32) AS fields
      FROM unnest(a_from, a_off) WITH ORDINALITY AS i(whom, off, ord)
      WHERE verdicts[i.ord] = 0
    ), hashed AS (
      INSERT INTO mesh.audit_leaf (mesh_id, index, hash)
      SELECT mesh_id, index, sha256(v_leaf || salt || '\x00000008'::bytea || int8send(index) || v_leaf_at
        || '\x000000086163636570746564'::bytea /* accepted */ || int4send(octet_length(fields)) || fields) FROM raw
    )
    INSERT INTO mesh.audit_body (mesh_id, index, at, salt, type, fields)
    SELECT mesh_id, index, v_now, salt, 'accepted', fields FROM raw;

    -- mostly there is one mesh, and the sums above are its own
    IF v_meshes = 1 THEN
      v_seq[1] := v_seq[1] + v_fresh; v_audit[1] := v_audit[1] + v_fresh; v_queued[1] := coalesce(v_rows, 0);
    ELSE
      FOR r IN
        SELECT w_mesh[i.whom] AS mesh, count(*) AS n, sum(length(i.states) - length(replace(i.states, '0', ''))) AS rows
        FROM unnest(a_from, verdicts, states) AS i(whom, verdict, states)
        WHERE i.verdict = 0 GROUP BY 1
      LOOP
        v_seq[r.mesh] := v_seq[r.mesh] + r.n;
        v_audit[r.mesh] := v_audit[r.mesh] + r.n;
        v_queued[r.mesh] := r.rows;
      END LOOP;
    END IF;
  END IF;

  IF cardinality(k_who) > 0 THEN
    -- 5. acks: only by the attachment that stands, never above what was ever numbered
    SELECT array_agg(k.code ORDER BY k.ord), array_agg(CASE k.code WHEN 0 THEN greatest(k.acked, k.upto) ELSE k.acked END ORDER BY k.ord),
      array_agg(k.acked ORDER BY k.ord), array_agg(CASE WHEN k.code = 0 AND k.upto > k.acked THEN k.id ELSE 0 END ORDER BY k.ord)
    INTO ack_codes, ack_marks, v_ok_from, v_ack_id
    FROM (
      SELECT i.ord, i.upto, q.id, coalesce(q.acked, 0) AS acked, CASE
        WHEN q.id IS NULL OR q.removed OR q.attachment <> i.attachment THEN 1
        WHEN i.upto > v_seq[w_mesh[i.whom]] THEN 2
        ELSE 0 END AS code
      FROM unnest(k_who, k_attachment, k_upto) WITH ORDINALITY AS i(whom, attachment, upto, ord)
      LEFT JOIN LATERAL (
        SELECT x.id, x.removed, x.attachment, x.acked FROM mesh.recipient x WHERE x.id = v_who[i.whom] OFFSET 0) q ON true
      OFFSET 0
    ) k;

    -- what they cover leaves the queue; each row says which ack it belonged to
    WITH gone AS MATERIALIZED (
      SELECT k.ord::int AS ord, d.tid, d.mesh_id, d.seq, d.shared
      FROM unnest(v_ack_id, v_ok_from, ack_marks) WITH ORDINALITY AS k(id, lo, hi, ord)
      LEFT JOIN LATERAL (
        SELECT x.ctid AS tid, x.mesh_id, x.seq, x.shared FROM mesh.delivery x
        WHERE x.recipient_id = k.id AND x.seq > k.lo AND x.seq <= k.hi OFFSET 0) d ON true
      WHERE d.tid IS NOT NULL
    ), counted AS (
      SELECT g.ord, count(*)::int AS n FROM gone g GROUP BY g.ord
    )
    SELECT
      (SELECT array_agg(ord) FROM counted), (SELECT array_agg(n) FROM counted), count(*), array_agg(g.tid),
      array_agg(g.mesh_id) FILTER (WHERE NOT g.shared), array_agg(g.seq) FILTER (WHERE NOT g.shared),
      array_agg(g.mesh_id) FILTER (WHERE g.shared), array_agg(g.seq) FILTER (WHERE g.shared)
    INTO gone_ack, gone_count, v_rows, v_tids, v_gone_mesh, v_gone_seq, v_shared_mesh, v_shared_seq
    FROM gone g;

    -- rows of a queue are never updated, and only the holder of the mesh's lock deletes them: their place is their name
    IF v_tids IS NOT NULL THEN
      DELETE FROM mesh.delivery WHERE ctid = ANY (v_tids);
    END IF;
    IF v_gone_seq IS NOT NULL THEN
      v_tids := ARRAY(SELECT e.ctid FROM unnest(v_gone_mesh, v_gone_seq) AS g(mesh_id, seq)
        LEFT JOIN LATERAL (SELECT x.ctid FROM mesh.envelope x WHERE x.mesh_id = g.mesh_id AND x.seq = g.seq OFFSET 0) e ON true);
      DELETE FROM mesh.envelope WHERE ctid = ANY (v_tids);
    END IF;
    IF v_shared_seq IS NOT NULL THEN
      v_tids := ARRAY(SELECT e.ctid FROM (SELECT DISTINCT s.mesh_id, s.seq FROM unnest(v_shared_mesh, v_shared_seq) AS s(mesh_id, seq) OFFSET 0) g
        LEFT JOIN LATERAL (SELECT x.ctid FROM mesh.envelope x WHERE x.mesh_id = g.mesh_id AND x.seq = g.seq OFFSET 0) e ON true
        WHERE (SELECT true FROM mesh.delivery d WHERE d.mesh_id = g.mesh_id AND d.seq = g.seq AND d.shared LIMIT 1) IS NULL);
      DELETE FROM mesh.envelope WHERE ctid = ANY (v_tids);
    END IF;

    SELECT array_agg(k.ord::int), array_agg(f.tid) INTO v_fact_ack, v_tids
    FROM unnest(v_ack_id, v_ok_from, ack_marks) WITH ORDINALITY AS k(id, lo, hi, ord)
    LEFT JOIN LATERAL (SELECT x.ctid AS tid FROM mesh.fact x WHERE x.recipient_id = k.id AND x.seq > k.lo AND x.seq <= k.hi OFFSET 0) f ON true
    WHERE f.tid IS NOT NULL;
    IF v_tids IS NOT NULL THEN
      DELETE FROM mesh.fact WHERE ctid = ANY (v_tids);
      v_rows := v_rows + cardinality(v_tids);
      gone_ack := gone_ack || v_fact_ack;
      gone_count := gone_count || array_fill(1, ARRAY[cardinality(v_fact_ack)]);
    END IF;

    UPDATE mesh.recipient q SET acked = ack_marks[array_position(v_ack_id, q.id)] WHERE q.id = ANY (v_ack_id);

    WITH raw AS MATERIALIZED (
      SELECT v_head[w_mesh[i.whom]] AS mesh_id, uuid_send(gen_random_uuid()) AS salt,
        v_audit[w_mesh[i.whom]] + row_number() OVER (PARTITION BY w_mesh[i.whom] ORDER BY i.ord) - 1 AS index,
        '\x00000020'::bytea || substring(w_keys FROM (i.whom - 1) * 64 + 1 FOR 32)
          || CASE w_len[i.whom] WHEN 32 THEN '\xffffffff'::bytea
            ELSE '\x00000020'::bytea || substring(w_keys FROM (i.whom - 1) * 64 + 33 FOR 32) END
          || '\x00000008'::bytea || int8send(i.lo + 1) || '\x00000008'::bytea || int8send(i.hi) AS fields
      FROM unnest(k_who, v_ack_id, v_ok_from, ack_marks) WITH ORDINALITY AS i(whom, id, lo, hi, ord)
      WHERE i.id <> 0
    ), hashed AS (
      INSERT INTO mesh.audit_leaf (mesh_id, index, hash)
      SELECT mesh_id, index, sha256(v_leaf || salt || '\x00000008'::bytea || int8send(index) || v_leaf_at
        || '\x0000000964656c697665726564'::bytea /* delivered */ || int4send(octet_length(fields)) || fields) FROM raw
    )
    INSERT INTO mesh.audit_body (mesh_id, index, at, salt, type, fields)
    SELECT mesh_id, index, v_now, salt, 'delivered', fields FROM raw;

    IF v_meshes = 1 THEN
      GET DIAGNOSTICS v_fresh = ROW_COUNT;
      v_audit[1] := v_audit[1] + v_fresh;
      v_queued[1] := v_queued[1] - coalesce(v_rows, 0);
    ELSE
      FOR r IN
        SELECT w_mesh[i.whom] AS mesh, count(*) AS n FROM unnest(k_who, v_ack_id) AS i(whom, id) WHERE i.id <> 0 GROUP BY 1
      LOOP
        v_audit[r.mesh] := v_audit[r.mesh] + r.n;
      END LOOP;
      FOR r IN
        SELECT w_mesh[k_who[g.ord]] AS mesh, sum(g.n) AS rows FROM unnest(gone_ack, gone_count) AS g(ord, n) GROUP BY 1
      LOOP
        v_queued[r.mesh] := v_queued[r.mesh] - r.rows;
      END LOOP;
    END IF;
  END IF;

  -- 6. the heads move on
  FOR i IN 1 .. v_meshes LOOP
    UPDATE mesh.mesh_head h SET seq = v_seq[i], audit_size = v_audit[i], queued = h.queued + v_queued[i],
      last_at = CASE WHEN h.audit_size < v_audit[i] THEN v_now ELSE h.last_at END
    WHERE h.id = v_head[i] AND (h.audit_size <> v_audit[i] OR v_queued[i] <> 0);
  END LOOP;
END $$;

-- Statements here are planned when the tables are empty and stay so: pin what is right for full ones.
ALTER FUNCTION mesh_fn.commit_batch SET enable_seqscan = off;
ALTER FUNCTION mesh_fn.commit_batch SET enable_material = off;
ALTER FUNCTION mesh_fn.commit_batch SET enable_hashjoin = off;
ALTER FUNCTION mesh_fn.commit_batch SET enable_mergejoin = off;
ALTER FUNCTION mesh_fn.commit_batch SET enable_bitmapscan = off;
ALTER FUNCTION mesh_fn.commit_batch SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION mesh_fn.commit_batch SET jit = off;
