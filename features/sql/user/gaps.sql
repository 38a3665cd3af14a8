-- group: gaps
-- entity: user
-- doc: Days between successive days with an order, and how overdue the next order is.
-- uses: days
-- key: user_id VARCHAR id | The customer.
-- column: gap_mean_days DOUBLE days | Mean gap; null with fewer than two order days.
-- column: gap_std_days DOUBLE days | Sample standard deviation of the gaps (n - 1); null with fewer than three order days.
-- column: gap_max_days BIGINT days | Largest gap; null with fewer than two order days.
-- column: gap_last_days BIGINT days | Gap before the last order day; null with fewer than two order days.
-- column: overdue_ratio DOUBLE ratio | Days since the last order / mean gap; null with fewer than two order days.
WITH sums AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) - MAX(day) AS recency,
    COUNT(previous_day) AS n,
    CAST(SUM(day - previous_day) AS BIGINT) AS total,
    CAST(SUM(CAST(day - previous_day AS BIGINT) * (day - previous_day)) AS BIGINT) AS squares,
    CAST(MAX(day - previous_day) AS BIGINT) AS largest,
    CAST(MAX(day) - MAX(previous_day) AS BIGINT) AS latest
  FROM days
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  CAST(total AS DOUBLE) / NULLIF(n, 0) AS gap_mean_days,
  SQRT(CAST(n * squares - total * total AS DOUBLE) / NULLIF(n * (n - 1), 0)) AS gap_std_days,
  largest AS gap_max_days,
  latest AS gap_last_days,
  CAST(recency * n AS DOUBLE) / NULLIF(total, 0) AS overdue_ratio
FROM sums
ORDER BY as_of, user_id
