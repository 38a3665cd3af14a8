-- What BenchmarkProfile measures the engine against: recency, frequency, monetary
-- value, order windows and gap statistics of every customer at every date, straight
-- from the order lines, as one would write it for a bare DuckDB. It reads the view
-- orders (the lake's files) and the table dates (as_of).
WITH lines AS (
  SELECT
    d.as_of,
    o.user_id,
    o.order_id,
    CAST(o.ts AS DATE) AS day,
    d.as_of - CAST(o.ts AS DATE) AS age,
    CAST(o.quantity AS DECIMAL(18, 0)) * o.unit_price AS spend
  FROM orders o
  JOIN dates d ON o.ts < d.as_of
  WHERE NOT o.is_return
),
sums AS (
  SELECT
    as_of,
    user_id,
    MIN(age) AS recency_days,
    COUNT(DISTINCT order_id) AS frequency,
    COUNT(DISTINCT day) AS order_days,
    SUM(spend) AS monetary,
    MAX(age) AS tenure_days,
    COUNT(DISTINCT order_id) FILTER (WHERE age <= 7) AS orders_7d,
    COUNT(DISTINCT order_id) FILTER (WHERE age <= 30) AS orders_30d,
    COUNT(DISTINCT order_id) FILTER (WHERE age <= 90) AS orders_90d,
    COUNT(DISTINCT order_id) FILTER (WHERE age <= 180) AS orders_180d,
    COUNT(DISTINCT order_id) FILTER (WHERE age <= 365) AS orders_365d,
    SUM(spend) FILTER (WHERE age <= 7) AS spend_7d,
    SUM(spend) FILTER (WHERE age <= 30) AS spend_30d,
    SUM(spend) FILTER (WHERE age <= 90) AS spend_90d,
    SUM(spend) FILTER (WHERE age <= 180) AS spend_180d,
    SUM(spend) FILTER (WHERE age <= 365) AS spend_365d,
    COUNT(DISTINCT day) FILTER (WHERE age <= 7) AS active_days_7d,
    COUNT(DISTINCT day) FILTER (WHERE age <= 30) AS active_days_30d,
    COUNT(DISTINCT day) FILTER (WHERE age <= 90) AS active_days_90d,
    COUNT(DISTINCT day) FILTER (WHERE age <= 180) AS active_days_180d,
    COUNT(DISTINCT day) FILTER (WHERE age <= 365) AS active_days_365d
  FROM lines
  GROUP BY as_of, user_id
),
steps AS (
  SELECT
    as_of,
    user_id,
    day,
    day - LAG(day) OVER (PARTITION BY as_of, user_id ORDER BY day) AS gap
  FROM (SELECT DISTINCT as_of, user_id, day FROM lines)
),
gaps AS (
  SELECT
    as_of,
    user_id,
    AVG(gap) AS gap_mean_days,
    STDDEV_SAMP(gap) AS gap_std_days,
    MAX(gap) AS gap_max_days,
    MAX_BY(gap, day) AS gap_last_days
  FROM steps
  GROUP BY as_of, user_id
)
SELECT *
FROM sums
JOIN gaps USING (as_of, user_id)
ORDER BY as_of, user_id
