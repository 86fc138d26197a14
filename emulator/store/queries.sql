-- name: put_document
INSERT INTO documents (kind, account, region, key, body) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (kind, account, region, key) DO UPDATE SET body = excluded.body;

-- name: delete_document
DELETE FROM documents WHERE kind = ? AND account = ? AND region = ? AND key = ?;

-- name: clear_documents
DELETE FROM documents WHERE :account IS NULL OR account = :account;

-- name: load_documents
SELECT account, region, key, body FROM documents WHERE kind = ? ORDER BY account, region, key;

-- name: has_documents
SELECT EXISTS (SELECT 1 FROM documents WHERE kind = ?);

-- name: load_queues
SELECT id, name, body FROM queues ORDER BY id;

-- name: insert_queue
INSERT INTO queues (name, body) VALUES (?, ?);

-- name: update_queue
UPDATE queues SET body = ? WHERE id = ?;

-- name: delete_queue
DELETE FROM queues WHERE id = ?;

-- name: insert_message
INSERT INTO messages
    (id, queue, position, sent_at, message_id, group_id, deduplication, source, size, headers, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: delete_message
DELETE FROM messages WHERE id = ?;

-- name: delete_lease
DELETE FROM leases WHERE id = ?;

-- name: put_lease
INSERT INTO leases (id, visible_at, receives, uncounted, first_received_at, held)
SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE EXISTS (SELECT 1 FROM messages WHERE id = ?1)
ON CONFLICT (id) DO UPDATE SET visible_at = excluded.visible_at, receives = excluded.receives,
    uncounted = excluded.uncounted, first_received_at = excluded.first_received_at,
    held = excluded.held;

-- name: move_message
UPDATE messages SET queue = ?, position = ?, sent_at = ?, source = ? WHERE id = ?;

-- name: put_deduplication
INSERT INTO deduplications (queue, key, expires_at, message_id, position) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (queue, key) DO UPDATE SET expires_at = excluded.expires_at,
    message_id = excluded.message_id, position = excluded.position;

-- name: forget_deduplications
DELETE FROM deduplications WHERE expires_at < ?;

-- name: load_deduplications
SELECT key, expires_at, message_id, position FROM deduplications
WHERE queue = ? AND expires_at >= ? ORDER BY expires_at;

-- name: load_window
SELECT m.id, m.position, m.sent_at, m.message_id, m.group_id, m.deduplication, m.source, m.size,
    CASE WHEN m.size <= ?4 THEN m.headers END, CASE WHEN m.size <= ?4 THEN m.body END,
    l.visible_at, l.receives, l.uncounted, l.first_received_at, l.held
FROM messages AS m LEFT JOIN leases AS l ON l.id = m.id
WHERE m.queue = ?1 AND (m.position, m.id) > (?2, ?3)
ORDER BY m.position, m.id LIMIT ?5;

-- name: load_headers
SELECT id, json_extract(headers, ?2), json_extract(headers, ?3) FROM messages
WHERE queue = ?1 ORDER BY position, id LIMIT ?4;

-- name: count_messages
SELECT count(*) FROM messages WHERE queue = ?;

-- name: count_later
SELECT position / 1000000, count(*) FROM messages
WHERE queue = ? AND position > ? GROUP BY position / 1000000;

-- name: last_message
SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'messages';

-- name: load_payload
SELECT headers, body FROM messages WHERE id = ?;

-- name: expire_messages
DELETE FROM messages WHERE id IN (
    SELECT id FROM messages WHERE queue = ? AND position <= ? AND sent_at <= ?
    ORDER BY position LIMIT ?
) RETURNING id;

-- name: insert_dropped_queue
INSERT OR IGNORE INTO dropped_queues (id) VALUES (?);

-- name: load_dropped_queues
SELECT id FROM dropped_queues ORDER BY id;

-- name: collect_messages
DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE queue = ? LIMIT ?) RETURNING id;

-- name: delete_dropped_queue
DELETE FROM dropped_queues WHERE id = ?;

-- name: delete_deduplications
DELETE FROM deduplications WHERE queue = ?;

-- name: put_log_group
INSERT OR REPLACE INTO log_groups (id, account, region, name, created, retention_days, tags)
VALUES (?, ?, ?, ?, ?, ?, ?);

-- name: put_log_stream
INSERT OR REPLACE INTO log_streams (id, group_id, name, created, of_lines)
VALUES (?, ?, ?, ?, ?);

-- name: insert_log_event
INSERT INTO log_events (sequence, stream, timestamp, ingested, message) VALUES (?, ?, ?, ?, ?);

-- name: trim_log_stream
DELETE FROM log_events WHERE stream = ? AND sequence < ?;

-- name: delete_events_of_log_stream
DELETE FROM log_events WHERE stream = ?;

-- name: delete_log_stream
DELETE FROM log_streams WHERE id = ?;

-- name: delete_events_of_log_group
DELETE FROM log_events WHERE stream IN (SELECT id FROM log_streams WHERE group_id = ?);

-- name: delete_streams_of_log_group
DELETE FROM log_streams WHERE group_id = ?;

-- name: delete_log_group
DELETE FROM log_groups WHERE id = ?;

-- name: delete_empty_log_streams
DELETE FROM log_streams
WHERE of_lines AND NOT EXISTS (SELECT 1 FROM log_events WHERE stream = log_streams.id);

-- name: load_log_groups
SELECT id, account, region, name, created, retention_days, tags FROM log_groups ORDER BY id;

-- name: load_log_streams
SELECT id, group_id, name, created, of_lines FROM log_streams ORDER BY id;

-- name: last_log_id
SELECT max(
    coalesce((SELECT max(sequence) FROM log_events), 0),
    coalesce((SELECT max(id) FROM log_streams), 0),
    coalesce((SELECT max(id) FROM log_groups), 0)
);

-- name: load_log_events
SELECT sequence, stream, timestamp, ingested, message FROM log_events
WHERE sequence > ? AND sequence <= ? ORDER BY sequence;

-- name: load_timeline_journal
SELECT identity, known_from FROM journal;

-- name: insert_timeline_journal
INSERT INTO journal (identity, known_from) VALUES (?, ?);

-- name: last_timeline_page
SELECT number, id, revision FROM pages ORDER BY number DESC LIMIT 1;

-- name: insert_timeline_page
INSERT INTO pages (number, id, revision, at, content) VALUES (?, ?, ?, ?, ?);

-- name: size_of_timeline
SELECT coalesce(sum(length(content)), 0) FROM pages;

-- name: oldest_timeline_page
SELECT number, at, length(content) FROM pages ORDER BY number LIMIT 1;

-- name: delete_timeline_page
DELETE FROM pages WHERE number = ?;

-- name: forget_timeline
UPDATE journal SET known_from = ?;

-- name: load_timeline_pages
SELECT number, id, revision, at, content FROM pages WHERE number <= ? ORDER BY number;

-- name: insert_trace_page
INSERT INTO pages (content) VALUES (?);

-- name: size_of_traces
SELECT coalesce(sum(length(content)), 0) FROM pages;

-- name: oldest_trace_page
SELECT number, length(content) FROM pages ORDER BY number LIMIT 1;

-- name: delete_trace_page
DELETE FROM pages WHERE number = ?;

-- name: delete_trace_pages
DELETE FROM pages;

-- name: load_trace_pages
SELECT content FROM pages ORDER BY number;
