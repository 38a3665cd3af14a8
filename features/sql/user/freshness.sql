-- group: freshness
-- entity: user
-- doc: How fresh the lake was at as_of, judged from the records before it: the same for every customer of a date, so that a row says what it could not know. One row for every customer who has bought.
-- needs: orders
-- optional: events contacts feedback
-- uses: baskets returned
-- parameter: stale_days 14 | Days without any new record after which a table counts as stale.
-- key: user_id VARCHAR id | The customer.
-- column: orders_age_days INTEGER days | Days from the newest order line or return of the shop to as_of; 1 is the day before.
-- column: orders_stale BOOLEAN - | Whether that is more than stale_days.
-- column: events_age_days INTEGER days | Days from the newest event of the shop to as_of; null when the table is absent, or empty before as_of.
-- column: events_stale BOOLEAN - | Whether that is more than stale_days; null when it is null.
-- column: contacts_age_days INTEGER days | Days from the newest contact of the shop to as_of; null likewise.
-- column: contacts_stale BOOLEAN - | Whether that is more than stale_days; null when it is null.
-- column: feedback_age_days INTEGER days | Days from the newest feedback of the shop to as_of; null likewise.
-- column: feedback_stale BOOLEAN - | Whether that is more than stale_days; null when it is null.
-- column: tables_missing BIGINT tables | Of events, contacts and feedback, those absent, or empty before as_of.
WITH newest AS (
  SELECT as_of, MIN(as_of_day - day) AS age, 'orders' AS source FROM baskets GROUP BY as_of
  UNION ALL
  SELECT as_of, MIN(as_of_day - day) AS age, 'orders' AS source FROM returned GROUP BY as_of
  UNION ALL
  SELECT as_of, MIN(as_of_day - day) AS age, 'events' AS source FROM events GROUP BY as_of
  UNION ALL
  SELECT as_of, MIN(as_of_day - day) AS age, 'contacts' AS source FROM contacts GROUP BY as_of
  UNION ALL
  SELECT as_of, MIN(as_of_day - day) AS age, 'feedback' AS source FROM feedback GROUP BY as_of
),
ages AS (
  SELECT
    as_of,
    CAST(MIN(age) FILTER (WHERE source = 'orders') AS INTEGER) AS orders_age_days,
    CAST(MIN(age) FILTER (WHERE source = 'events') AS INTEGER) AS events_age_days,
    CAST(MIN(age) FILTER (WHERE source = 'contacts') AS INTEGER) AS contacts_age_days,
    CAST(MIN(age) FILTER (WHERE source = 'feedback') AS INTEGER) AS feedback_age_days
  FROM newest
  GROUP BY as_of
),
customers AS (
  SELECT as_of, user_id
  FROM baskets
  GROUP BY as_of, user_id
)
SELECT
  c.as_of,
  c.user_id,
  a.orders_age_days,
  a.orders_age_days > CAST($stale_days AS INTEGER) AS orders_stale,
  a.events_age_days,
  a.events_age_days > CAST($stale_days AS INTEGER) AS events_stale,
  a.contacts_age_days,
  a.contacts_age_days > CAST($stale_days AS INTEGER) AS contacts_stale,
  a.feedback_age_days,
  a.feedback_age_days > CAST($stale_days AS INTEGER) AS feedback_stale,
  CAST(CASE WHEN a.events_age_days IS NULL THEN 1 ELSE 0 END + CASE WHEN a.contacts_age_days IS NULL THEN 1 ELSE 0 END + CASE WHEN a.feedback_age_days IS NULL THEN 1 ELSE 0 END AS BIGINT) AS tables_missing
FROM customers c
JOIN ages a ON a.as_of = c.as_of
ORDER BY c.as_of, c.user_id
