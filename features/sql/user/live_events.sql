-- group: live_events
-- entity: user
-- doc: What a customer did in live sessions, and what was ordered soon after. One row for every customer with an event of live commerce (live_enter, live_comment, live_like, live_poll) in the 365 days before as_of.
--     A live session is a live_id; entries that name none count as one session a day.
-- needs: events orders
-- key: user_id VARCHAR id | The customer.
-- column: live_entered_90d BIGINT sessions | Distinct live sessions entered in the 90 days before as_of.
-- column: live_entered_365d BIGINT sessions | Distinct live sessions entered in the 365 days before as_of.
-- column: live_comments_90d BIGINT events | Comments in live sessions in the 90 days before as_of.
-- column: live_comments_365d BIGINT events | Comments in live sessions in the 365 days before as_of.
-- column: live_likes_90d BIGINT events | Likes in live sessions in the 90 days before as_of.
-- column: live_likes_365d BIGINT events | Likes in live sessions in the 365 days before as_of.
-- column: live_polls_90d BIGINT events | Votes in live sessions in the 90 days before as_of.
-- column: live_polls_365d BIGINT events | Votes in live sessions in the 365 days before as_of.
-- column: days_since_live INTEGER days | Days from the last of these events to as_of; 1 is the day before.
-- column: orders_after_live_90d BIGINT orders | Distinct orders in the 90 days before as_of whose first line came at most 24 hours after the customer had entered a live session.
-- column: orders_after_live_365d BIGINT orders | Likewise in the 365 days before as_of.
-- column: live_hosts_entered_365d BIGINT hosts | Distinct hosts whose sessions were entered in the 365 days before as_of.
-- column: live_host_favourite VARCHAR id | The host whose sessions were entered most often in these 365 days; the smallest id of several; null when no host is known.
-- column: live_host_affinity DOUBLE ratio | Sessions of that host / sessions entered whose host is known.
WITH live AS (
  SELECT as_of, user_id, as_of_day - day AS age, day, ts, type, live_id, host_id
  FROM events
  WHERE user_id IS NOT NULL AND type IN ('live_enter', 'live_comment', 'live_like', 'live_poll') AND as_of_day - day <= 366
),
counts AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) FILTER (WHERE type = 'live_comment' AND age <= 90) AS live_comments_90d,
    COUNT(*) FILTER (WHERE type = 'live_comment') AS live_comments_365d,
    COUNT(*) FILTER (WHERE type = 'live_like' AND age <= 90) AS live_likes_90d,
    COUNT(*) FILTER (WHERE type = 'live_like') AS live_likes_365d,
    COUNT(*) FILTER (WHERE type = 'live_poll' AND age <= 90) AS live_polls_90d,
    COUNT(*) FILTER (WHERE type = 'live_poll') AS live_polls_365d,
    CAST(MIN(age) AS INTEGER) AS days_since_live
  FROM live
  WHERE age <= 365
  GROUP BY as_of, user_id
),
per_session AS (
  SELECT
    as_of,
    user_id,
    live_id,
    CASE WHEN live_id IS NULL THEN day END AS live_day,
    MIN(age) AS age,
    MAX(host_id) AS host_id
  FROM live
  WHERE type = 'live_enter' AND age <= 365
  GROUP BY as_of, user_id, live_id, CASE WHEN live_id IS NULL THEN day END
),
entered AS (
  SELECT as_of, user_id, COUNT(*) FILTER (WHERE age <= 90) AS live_entered_90d, COUNT(*) AS live_entered_365d
  FROM per_session
  GROUP BY as_of, user_id
),
per_host AS (
  SELECT as_of, user_id, host_id, COUNT(*) AS sessions
  FROM per_session
  WHERE host_id IS NOT NULL
  GROUP BY as_of, user_id, host_id
),
best AS (
  SELECT as_of, user_id, COUNT(*) AS hosts, MAX(sessions) AS sessions, CAST(SUM(sessions) AS BIGINT) AS known
  FROM per_host
  GROUP BY as_of, user_id
),
hosts AS (
  SELECT h.as_of, h.user_id, MAX(b.hosts) AS hosts, MIN(h.host_id) AS favourite, MAX(b.sessions) AS sessions, MAX(b.known) AS known
  FROM best b
  JOIN per_host h ON h.as_of = b.as_of AND h.user_id = b.user_id AND h.sessions = b.sessions
  GROUP BY h.as_of, h.user_id
),
entries AS (
  SELECT as_of, user_id, ts, MAX(age) AS age
  FROM live
  WHERE type = 'live_enter'
  GROUP BY as_of, user_id, ts
),
watchers AS (
  SELECT as_of, user_id, MIN(ts) AS since
  FROM entries
  GROUP BY as_of, user_id
),
placed AS (
  SELECT o.as_of, o.user_id, o.order_id, MIN(o.ts) AS ts, MAX(o.as_of_day) - MIN(o.day) AS age
  FROM orders o
  JOIN watchers w ON w.as_of = o.as_of AND w.user_id = o.user_id
  WHERE NOT o.is_return
  GROUP BY o.as_of, o.user_id, o.order_id
),
timeline AS (
  SELECT as_of, user_id, ts, 0 AS is_order, age FROM entries
  UNION ALL
  SELECT as_of, user_id, ts, 1 AS is_order, age FROM placed WHERE age <= 365
),
preceded AS (
  SELECT
    as_of,
    user_id,
    ts,
    is_order,
    age,
    MAX(CASE WHEN is_order = 0 THEN ts END) OVER (PARTITION BY as_of, user_id ORDER BY ts, is_order NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS entered_at
  FROM timeline
),
ordered AS (
  SELECT as_of, user_id, COUNT(*) FILTER (WHERE age <= 90) AS orders_90d, COUNT(*) AS orders_365d
  FROM preceded
  WHERE is_order = 1 AND ts <= entered_at + INTERVAL '24' HOUR
  GROUP BY as_of, user_id
)
SELECT
  c.as_of,
  c.user_id,
  COALESCE(e.live_entered_90d, 0) AS live_entered_90d,
  COALESCE(e.live_entered_365d, 0) AS live_entered_365d,
  c.live_comments_90d,
  c.live_comments_365d,
  c.live_likes_90d,
  c.live_likes_365d,
  c.live_polls_90d,
  c.live_polls_365d,
  c.days_since_live,
  COALESCE(o.orders_90d, 0) AS orders_after_live_90d,
  COALESCE(o.orders_365d, 0) AS orders_after_live_365d,
  COALESCE(h.hosts, 0) AS live_hosts_entered_365d,
  h.favourite AS live_host_favourite,
  CAST(h.sessions AS DOUBLE) / NULLIF(h.known, 0) AS live_host_affinity
FROM counts c
LEFT JOIN entered e ON e.as_of = c.as_of AND e.user_id = c.user_id
LEFT JOIN ordered o ON o.as_of = c.as_of AND o.user_id = c.user_id
LEFT JOIN hosts h ON h.as_of = c.as_of AND h.user_id = c.user_id
ORDER BY c.as_of, c.user_id
