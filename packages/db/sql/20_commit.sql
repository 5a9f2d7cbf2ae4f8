-- The hot lane: one call commits one flush. Locks, looks at the roster, numbers, writes, hashes: no round trip in between.
--
-- Everything of varying length is packed and cut by substring; everything else comes as arrays of numbers.
-- "who" is everybody the batch names, once each: w_mesh (place in p_meshes), w_len (32 person, 64 session), w_keys (64-byte stride).
-- An item in p_pack begins with what never changes of its leaf, so that only numbers and time are put in here; a_off counts
-- from 1, l is w_len of its sender:
--   0 content hash 32 | 32 head of the leaf's hashed bytes, salt at 55, 43 in all | 75 fields up to seq, id at 79, l + 32 in all
--   | l + 107 fields behind seq 36 | l + 143 header | body | slots
-- Its targets are t_*[a_first .. a_first + a_count - 1]; t_item and all "who" are places counted from 1. Where every item has
-- one target, t_who and t_len go by item and a_first, a_count, t_item and t_off stay empty.
-- Verdicts: 0 committed, 1 repeat, 2 conflict, 3 unknown-recipient, 4 removed, 5 not-attached, 6 unknown-mesh. None at all:
-- every item is committed, numbered from first_seq and first_index on.
-- Acks: 0 done, 1 replaced, 2 bad-ack.
-- p_at is the caller's forecast of this clock, ms: it is the time of the batch unless it is five seconds off. Where p_seq, p_index and
-- p_at come true, the leaves of the items are those given, hashed already: p_hashes and p_bodies are columns of audit_chunk.
-- head_seq and head_index answer how far the one mesh of the batch has come, clock_ms when it was; where it acks, head and roster the
-- mesh's id and its place in the roster, and ack_ids whose each ack of code 0 was: what commit_acks may be told of the next ones.
CREATE FUNCTION mesh_fn.commit_batch(
  p_meshes bytea, w_mesh int[], w_len int[], w_keys bytea,
  a_from int[], a_off int[], a_header int[], a_body int[], a_expires bigint[], a_first int[], a_count int[],
  t_item int[], t_who int[], t_off int[], t_len int[],
  k_who int[], k_attachment bigint[], k_upto bigint[],
  p_pack bytea,
  p_at bigint, p_seq bigint, p_index bigint, p_hashes bytea, p_bodies bytea,
  OUT at_ms bigint, OUT first_seq bigint, OUT first_index bigint, OUT head_seq bigint, OUT head_index bigint, OUT clock_ms bigint, OUT verdicts int[], OUT seqs bigint[], OUT indexes bigint[], OUT times bigint[], OUT states text[],
  OUT ack_codes int[], OUT ack_marks bigint[], OUT gone_ack int[], OUT head int, OUT roster bigint, OUT ack_ids bigint[]
) LANGUAGE plpgsql AS $$
DECLARE
  v_meshes int := octet_length(p_meshes) / 32;
  v_items int := cardinality(a_from);
  v_head int[] := array_fill(0, ARRAY[v_meshes]);
  v_seq bigint[] := array_fill(0::bigint, ARRAY[v_meshes]);
  v_audit bigint[] := v_seq;
  v_queued bigint[] := v_seq;
  v_several bigint[] := v_seq;
  v_anywhere bigint := 0;
  v_roster bigint;
  v_clock timestamptz := date_trunc('milliseconds', clock_timestamp());
  v_now timestamptz := v_clock;
  v_last timestamptz;
  v_at bytea;
  v_given boolean := false;
  v_keys bytea[];
  -- everybody named, in the order of w_*
  v_who bigint[]; v_state int[]; v_attachment bigint[]; v_acked bigint[];
  v_sole boolean := cardinality(a_count) = 0;
  v_plain boolean;
  -- acks, in the order of k_*; 0 in v_ack_id is an ack that moves nothing
  v_ack_id bigint[] := '{}'; v_ack_from bigint[]; v_ack_index bigint[];
  v_moved boolean := false;
  v_gone tid[];
  v_shared_mesh int[]; v_shared_seq bigint[];
  -- leaf_hash and who are written out below: a call of a function per row costs more than the row
  v_leaf bytea := '\x00636c617564656d6573682f76312f6c65616600000010';
  v_typed bytea; v_person bytea; v_session bytea;
  m int; w int;
  r record;
BEGIN
  -- The lane's connection pins how plans are made (`database.ts`). Every table is reached by LATERAL … OFFSET 0: a plain join planned while the table is empty puts the table outside
  -- or scans all of its index, and does so for ever; what stands inside can only be looked up by key. Such a loop also
  -- keeps the order of what stands outside.
  clock_ms := (extract(epoch FROM v_clock) * 1000)::bigint;
  IF abs(clock_ms - p_at) <= 5000 THEN v_now := to_timestamp(p_at::float8 / 1000); END IF;
  -- 1. the locks, in order of id
  IF v_meshes = 1 THEN
    SELECT ARRAY[h.id], ARRAY[h.seq], ARRAY[h.audit_size], h.last_at, h.several, h.roster_seq
    INTO v_head, v_seq, v_audit, v_last, v_anywhere, v_roster FROM mesh.mesh_head h WHERE h.mesh = p_meshes FOR UPDATE;
    IF NOT FOUND THEN v_head := ARRAY[0]; v_seq := ARRAY[0]; v_audit := ARRAY[0]; v_anywhere := 0; END IF;
    v_now := greatest(v_now, v_last);
  ELSE
    v_keys := ARRAY(SELECT substring(p_meshes FROM n * 32 + 1 FOR 32) FROM generate_series(0, v_meshes - 1) n);
    FOR r IN
      SELECT array_position(v_keys, h.mesh) AS ix, h.id, h.seq, h.audit_size, h.last_at, h.several
      FROM mesh.mesh_head h WHERE h.mesh = ANY (v_keys)
      ORDER BY h.id FOR UPDATE
    LOOP
      v_head[r.ix] := r.id; v_seq[r.ix] := r.seq; v_audit[r.ix] := r.audit_size; v_anywhere := v_anywhere + r.several;
      v_now := greatest(v_now, r.last_at);
    END LOOP;
  END IF;
  at_ms := (extract(epoch FROM v_now) * 1000)::bigint;
  v_at := '\x00000008'::bytea || int8send(at_ms);

  -- 2. everybody named, as the roster stands under the lock: 0 known, 1 unknown, 2 removed
  SELECT array_agg(s.id), array_agg(s.state), array_agg(s.attachment), array_agg(s.acked), bool_and(s.state = 0)
  INTO v_who, v_state, v_attachment, v_acked, v_plain
  FROM (
    SELECT coalesce(q.id, 0) AS id, coalesce(q.attachment, 0) AS attachment, coalesce(q.acked, 0) AS acked, CASE
      WHEN q.removed THEN 2
      WHEN q.id IS NULL THEN CASE WHEN (
        SELECT p.removed FROM mesh.recipient p
        WHERE p.mesh_id = v_head[w.mesh] AND p.key = substring(w_keys FROM (w.ord::int - 1) * 64 + 1 FOR 32)) THEN 2 ELSE 1 END
      WHEN q.known_until < v_now THEN 1
      ELSE 0 END AS state
    FROM unnest(w_mesh, w_len) WITH ORDINALITY AS w(mesh, len, ord)
    LEFT JOIN LATERAL (
      SELECT x.id, x.removed, x.known_until, x.attachment, x.acked FROM mesh.recipient x
      WHERE x.mesh_id = v_head[w.mesh] AND x.key = substring(w_keys FROM (w.ord::int - 1) * 64 + 1 FOR w.len) OFFSET 0) q ON true
    OFFSET 0
  ) s;

  IF v_items > 0 THEN
    -- 3. a verdict for each item, and a number for each that is new. Mostly all are: one mesh, one recipient each, all
    -- known, no repeats: these are written at once. An id is looked for among envelopes for several only while there are any.
    v_plain := v_plain AND v_sole AND v_meshes = 1;
    IF v_plain AND v_anywhere > 0 THEN
      SELECT count(*) = 0 INTO v_plain FROM unnest(a_from, a_off) AS i(whom, off)
      CROSS JOIN LATERAL (
        SELECT FROM mesh.envelope x
        WHERE x.from_id = v_who[i.whom] AND x.id = substring(p_pack FROM i.off + 79 FOR 16) OFFSET 0) e;
    END IF;
    IF v_plain THEN
      first_seq := v_seq[1] + 1; first_index := v_audit[1]; m := v_head[1];
      -- The unique index finds a repeat as the rows are written: looking beforehand cost every row as much as its entry there. Then
      -- nothing of this stands, and all are judged.
      BEGIN
        INSERT INTO mesh.delivery
          (recipient_id, seq, expires_at, mesh_id, shared, from_id, audit_index, at, id, content_hash, header, slot, body)
        SELECT v_who[t_who[i]], first_seq + i - 1, to_timestamp(a_expires[i]::float8 / 1000), m, false, v_who[a_from[i]],
          first_index + i - 1, v_now, substring(p_pack FROM a_off[i] + 79 FOR 16), substring(p_pack FROM a_off[i] FOR 32),
          substring(p_pack FROM a_off[i] + w_len[a_from[i]] + 143 FOR a_header[i]),
          substring(p_pack FROM a_off[i] + w_len[a_from[i]] + 143 + a_header[i] + a_body[i] FOR t_len[i]),
          substring(p_pack FROM a_off[i] + w_len[a_from[i]] + 143 + a_header[i] FOR a_body[i])
        FROM generate_series(1, v_items) AS i;
      EXCEPTION WHEN unique_violation THEN
        v_plain := false; first_seq := NULL; first_index := NULL;
      END;
    END IF;
    IF v_plain THEN
      v_given := coalesce(first_seq = p_seq AND first_index = p_index AND at_ms = p_at, false);
      v_seq[1] := v_seq[1] + v_items; v_audit[1] := v_audit[1] + v_items; v_queued[1] := v_items;
    ELSE
      SELECT array_agg(n.verdict),
        array_agg(CASE n.verdict WHEN 0 THEN v_seq[n.mesh] + n.fresh WHEN 1 THEN n.seq ELSE 0 END),
        array_agg(CASE n.verdict WHEN 0 THEN v_audit[n.mesh] + n.fresh - 1 WHEN 1 THEN n.audit_index ELSE 0 END),
        array_agg(CASE n.verdict WHEN 1 THEN (extract(epoch FROM n.at) * 1000)::bigint ELSE at_ms END),
        array_agg(CASE WHEN n.verdict IN (0, 3) THEN n.fresh_states WHEN n.verdict = 1 THEN n.states ELSE '' END)
      INTO verdicts, seqs, indexes, times, states
      FROM (
        SELECT v.*, count(*) FILTER (WHERE v.verdict = 0) OVER (PARTITION BY v.mesh ORDER BY v.ord) AS fresh
        FROM (
          SELECT i.ord, w_mesh[i.whom] AS mesh, s.fresh_states, e.seq, e.audit_index, e.at, e.states, CASE
            WHEN v_head[w_mesh[i.whom]] = 0 THEN 6
            WHEN v_state[i.whom] = 2 THEN 4
            WHEN v_who[i.whom] = 0 THEN 5
            WHEN e.seq IS NOT NULL THEN CASE WHEN e.content_hash = substring(p_pack FROM i.off FOR 32) THEN 1 ELSE 2 END
            WHEN position('0' IN s.fresh_states) = 0 THEN 3
            ELSE 0 END AS verdict
          FROM unnest(a_from, a_off, a_first, a_count) WITH ORDINALITY AS i(whom, off, first, count, ord)
          CROSS JOIN LATERAL (
            SELECT coalesce(string_agg(v_state[t_who[x]]::text, ''), '') AS fresh_states
            FROM generate_series(coalesce(i.first, i.ord::int), coalesce(i.first, i.ord::int) + coalesce(i.count, 1) - 1) x OFFSET 0) s
          LEFT JOIN LATERAL (
            SELECT x.seq, x.audit_index, x.at, '0' AS states, x.content_hash FROM mesh.delivery x
            WHERE x.from_id = v_who[i.whom] AND x.id = substring(p_pack FROM i.off + 79 FOR 16)
            UNION ALL
            SELECT x.seq, x.audit_index, x.accepted_at, x.states, x.content_hash FROM mesh.envelope x
            WHERE v_anywhere > 0 AND x.from_id = v_who[i.whom] AND x.id = substring(p_pack FROM i.off + 79 FOR 16)
            OFFSET 0) e ON true
          OFFSET 0
        ) v
        ORDER BY v.ord
      ) n;
      FOR r IN
        SELECT w_mesh[i.whom] AS mesh, count(*) AS n, count(*) FILTER (WHERE i.count > 1) AS several,
          sum(length(i.states) - length(replace(i.states, '0', ''))) AS rows
        FROM unnest(a_from, a_count, verdicts, states) AS i(whom, count, verdict, states)
        WHERE i.verdict = 0 GROUP BY 1
      LOOP
        v_seq[r.mesh] := v_seq[r.mesh] + r.n;
        v_audit[r.mesh] := v_audit[r.mesh] + r.n;
        v_queued[r.mesh] := r.rows;
        v_several[r.mesh] := r.several;
      END LOOP;
    END IF;

    -- 4. one row for what one recipient waits for; what several share lies beside their rows
    IF v_plain THEN NULL;
    ELSIF v_sole THEN
      INSERT INTO mesh.delivery
        (recipient_id, seq, expires_at, mesh_id, shared, from_id, audit_index, at, id, content_hash, header, slot, body)
      SELECT v_who[i.target], i.seq, to_timestamp(i.expires::float8 / 1000),
        v_head[w_mesh[i.whom]], false, v_who[i.whom], i.index, v_now,
        substring(p_pack FROM i.off + 79 FOR 16), substring(p_pack FROM i.off FOR 32),
        substring(p_pack FROM i.off + w_len[i.whom] + 143 FOR i.header),
        substring(p_pack FROM i.off + w_len[i.whom] + 143 + i.header + i.body FOR i.slot),
        substring(p_pack FROM i.off + w_len[i.whom] + 143 + i.header FOR i.body)
      FROM unnest(a_from, a_off, a_header, a_body, a_expires, t_who, t_len, verdicts, seqs, indexes)
        AS i(whom, off, header, body, expires, target, slot, verdict, seq, index)
      WHERE i.verdict = 0;
    ELSE
      INSERT INTO mesh.delivery
        (recipient_id, seq, expires_at, mesh_id, shared, from_id, audit_index, at, id, content_hash, header, slot, body)
      SELECT v_who[t_who[i.first]], i.seq, to_timestamp(i.expires::float8 / 1000), v_head[w_mesh[i.whom]], false,
        v_who[i.whom], i.index, v_now, substring(p_pack FROM i.off + 79 FOR 16), substring(p_pack FROM i.off FOR 32),
        substring(p_pack FROM i.off + w_len[i.whom] + 143 FOR i.header),
        substring(p_pack FROM t_off[i.first] FOR t_len[i.first]),
        substring(p_pack FROM i.off + w_len[i.whom] + 143 + i.header FOR i.body)
      FROM unnest(a_from, a_off, a_header, a_body, a_expires, a_first, a_count, verdicts, seqs, indexes)
        AS i(whom, off, header, body, expires, first, count, verdict, seq, index)
      WHERE i.verdict = 0 AND i.count = 1;

      INSERT INTO mesh.envelope (mesh_id, seq, from_id, id, content_hash, header, body, states, audit_index, accepted_at)
      SELECT v_head[w_mesh[i.whom]], i.seq, v_who[i.whom], substring(p_pack FROM i.off + 79 FOR 16),
        substring(p_pack FROM i.off FOR 32), substring(p_pack FROM i.off + w_len[i.whom] + 143 FOR i.header),
        substring(p_pack FROM i.off + w_len[i.whom] + 143 + i.header FOR i.body), i.states, i.index, v_now
      FROM unnest(a_from, a_off, a_header, a_body, a_count, verdicts, seqs, indexes, states)
        AS i(whom, off, header, body, count, verdict, seq, index, states)
      WHERE i.verdict = 0 AND i.count > 1;

      INSERT INTO mesh.delivery (recipient_id, seq, expires_at, mesh_id, shared, slot)
      SELECT v_who[t.whom], seqs[t.item], to_timestamp(a_expires[t.item]::float8 / 1000), v_head[w_mesh[t.whom]], true,
        substring(p_pack FROM t.off FOR t.len)
      FROM unnest(t_item, t_who, t_off, t_len) AS t(item, whom, off, len)
      WHERE verdicts[t.item] = 0 AND a_count[t.item] > 1 AND v_state[t.whom] = 0;
    END IF;
  END IF;

  IF cardinality(k_who) > 0 THEN
    -- 5. acks: only by the attachment that stands, never above what was ever numbered
    IF v_meshes = 1 THEN head := v_head[1]; roster := v_roster; END IF;
    FOR i IN 1 .. cardinality(k_who) LOOP
      w := k_who[i]; m := w_mesh[w];
      ack_codes[i] := CASE
        WHEN v_who[w] = 0 OR v_state[w] = 2 OR v_attachment[w] <> k_attachment[i] THEN 1
        WHEN k_upto[i] > v_seq[m] THEN 2
        ELSE 0 END;
      v_ack_from[i] := v_acked[w]; ack_ids[i] := v_who[w];
      IF ack_codes[i] = 0 AND k_upto[i] > v_acked[w] THEN
        v_moved := true; v_ack_id[i] := v_who[w]; ack_marks[i] := k_upto[i];
        v_ack_index[i] := v_audit[m]; v_audit[m] := v_audit[m] + 1;
      ELSE
        v_ack_id[i] := 0; ack_marks[i] := v_acked[w]; v_ack_index[i] := 0;
      END IF;
    END LOOP;

    -- What they cover leaves the queue; gone_ack says of each row which ack it belonged to. Rows of a queue are never
    -- updated, and only the holder of the mesh's lock deletes them: their place is their name.
    IF v_moved THEN
      SELECT array_agg(x.tid), array_agg(k.ord),
        array_agg(x.mesh_id) FILTER (WHERE x.shared), array_agg(x.seq) FILTER (WHERE x.shared)
      INTO v_gone, gone_ack, v_shared_mesh, v_shared_seq
      FROM unnest(v_ack_id, v_ack_from, ack_marks) WITH ORDINALITY AS k(id, lo, hi, ord)
      CROSS JOIN LATERAL (
        SELECT y.ctid AS tid, y.mesh_id, y.seq, y.shared FROM mesh.delivery y
        WHERE y.recipient_id = k.id AND y.seq > k.lo AND y.seq <= k.hi OFFSET 0) x;
      DELETE FROM mesh.delivery d WHERE d.ctid = ANY (v_gone);
      UPDATE mesh.recipient q SET acked = ack_marks[array_position(v_ack_id, q.id)] WHERE q.id = ANY (v_ack_id);

      IF v_meshes = 1 THEN
        v_queued[1] := v_queued[1] - coalesce(cardinality(gone_ack), 0);
      ELSE
        FOR i IN 1 .. coalesce(cardinality(gone_ack), 0) LOOP
          m := w_mesh[k_who[gone_ack[i]]];
          v_queued[m] := v_queued[m] - 1;
        END LOOP;
      END IF;
    END IF;
    IF v_shared_seq IS NOT NULL THEN
      FOR r IN
        WITH gone AS (
          DELETE FROM mesh.envelope e WHERE e.ctid = ANY (ARRAY(
            SELECT e.tid FROM (SELECT DISTINCT s.mesh_id, s.seq FROM unnest(v_shared_mesh, v_shared_seq) AS s(mesh_id, seq) OFFSET 0) g
            CROSS JOIN LATERAL (SELECT x.ctid AS tid FROM mesh.envelope x WHERE x.mesh_id = g.mesh_id AND x.seq = g.seq OFFSET 0) e
            WHERE (SELECT true FROM mesh.delivery d WHERE d.mesh_id = g.mesh_id AND d.seq = g.seq AND d.shared LIMIT 1) IS NULL))
          RETURNING e.mesh_id
        )
        SELECT array_position(v_head, g.mesh_id) AS mesh, count(*) AS n FROM gone g GROUP BY 1
      LOOP
        v_several[r.mesh] := v_several[r.mesh] - r.n;
      END LOOP;
    END IF;
  END IF;

  -- 6. the leaves of both
  IF v_given THEN
    INSERT INTO mesh.audit_chunk (mesh_id, index, at, type, hashes, bodies)
    VALUES (v_head[1], first_index, v_now, 'accepted', p_hashes, p_bodies);
  ELSIF v_items > 0 THEN
    v_typed := v_at || '\x000000086163636570746564'::bytea;
    v_person := v_typed || int4send(108);
    v_session := v_typed || int4send(140);
    INSERT INTO mesh.audit_leaf (mesh_id, index, at, salt, type, fields, hash)
    SELECT l.mesh_id, l.index, v_now, substring(p_pack FROM l.off + 55 FOR 16), 'accepted', l.fields,
      sha256(substring(p_pack FROM l.off + 32 FOR 43) || int8send(l.index) || l.typed || l.fields)
    FROM (
      SELECT v_head[w_mesh[i.whom]] AS mesh_id, coalesce(i.index, first_index + i.ord - 1) AS index, i.off,
        CASE w_len[i.whom] WHEN 32 THEN v_person ELSE v_session END AS typed,
        substring(p_pack FROM i.off + 75 FOR w_len[i.whom] + 32) || int8send(coalesce(i.seq, first_seq + i.ord - 1))
          || substring(p_pack FROM i.off + w_len[i.whom] + 107 FOR 36) AS fields
      FROM unnest(a_from, a_off, verdicts, seqs, indexes) WITH ORDINALITY AS i(whom, off, verdict, seq, index, ord)
      WHERE coalesce(i.verdict, 0) = 0
      OFFSET 0
    ) l;
  END IF;
  IF v_moved THEN
    v_typed := v_at || '\x0000000964656c697665726564'::bytea;
    INSERT INTO mesh.audit_leaf (mesh_id, index, at, salt, type, fields, hash)
    SELECT l.mesh_id, l.index, v_now, l.salt, 'delivered', l.fields,
      sha256(v_leaf || l.salt || '\x00000008'::bytea || int8send(l.index) || v_typed || int4send(octet_length(l.fields)) || l.fields)
    FROM (
      SELECT v_head[w_mesh[i.whom]] AS mesh_id, i.index, uuid_send(gen_random_uuid()) AS salt,
        '\x00000020'::bytea || substring(w_keys FROM (i.whom - 1) * 64 + 1 FOR 32)
          || CASE w_len[i.whom] WHEN 32 THEN '\xffffffff'::bytea
            ELSE '\x00000020'::bytea || substring(w_keys FROM (i.whom - 1) * 64 + 33 FOR 32) END
          || '\x00000008'::bytea || int8send(i.lo + 1) || '\x00000008'::bytea || int8send(i.hi) AS fields
      FROM unnest(k_who, v_ack_id, v_ack_from, ack_marks, v_ack_index) AS i(whom, id, lo, hi, index)
      WHERE i.id <> 0
      OFFSET 0
    ) l;
  END IF;

  -- 7. the heads move on
  FOR i IN 1 .. v_meshes LOOP
    UPDATE mesh.mesh_head h SET seq = v_seq[i], audit_size = v_audit[i], queued = h.queued + v_queued[i],
      several = h.several + v_several[i],
      last_at = CASE WHEN h.audit_size < v_audit[i] THEN v_now ELSE h.last_at END
    WHERE h.id = v_head[i] AND (h.audit_size <> v_audit[i] OR v_queued[i] <> 0);
  END LOOP;
  IF v_meshes = 1 THEN head_seq := v_seq[1]; head_index := v_audit[1]; END IF;
END $$;
