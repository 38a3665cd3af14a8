-- group: repeat_purchase
-- entity: item
-- doc: How many of an item's customers buy it again, and after how long; one row for every item ever sold. A repeat
--     customer bought it on at least two days. A customer's cycle is the mean gap between those days.
-- uses: bought
-- parameter: prior_customers 10 | Customers repeating at the shop's mean rate that are added to the smoothed rate.
-- key: item_id VARCHAR id | The item.
-- column: buyers BIGINT customers | Distinct customers who bought it.
-- column: repeat_buyers BIGINT customers | Those who bought it on at least two days.
-- column: repeat_rate DOUBLE ratio | Repeat customers / customers.
-- column: repeat_rate_smoothed DOUBLE ratio | The same after adding $prior_customers customers at the mean rate over all items.
-- column: repeat_cycle_mean_days DOUBLE days | Mean gap over all gaps of the repeat customers; null without any.
-- column: repeat_cycle_median_days BIGINT days | Lower median of the repeat customers' cycles in whole days; null without any.
WITH per_customer AS (
  SELECT
    as_of,
    item_id,
    user_id,
    CAST(MAX(day) - MIN(day) AS BIGINT) AS span,
    COUNT(*) - 1 AS gaps
  FROM bought
  GROUP BY as_of, item_id, user_id
),
lengths AS (
  SELECT
    as_of,
    item_id,
    CAST(FLOOR(CAST(span AS DOUBLE) / NULLIF(gaps, 0) + 0.5) AS BIGINT) AS length,
    COUNT(*) AS buyers,
    CAST(SUM(span) AS BIGINT) AS span,
    CAST(SUM(gaps) AS BIGINT) AS gaps
  FROM per_customer
  GROUP BY as_of, item_id, CAST(FLOOR(CAST(span AS DOUBLE) / NULLIF(gaps, 0) + 0.5) AS BIGINT)
),
sums AS (
  SELECT
    as_of,
    item_id,
    CAST(SUM(buyers) AS BIGINT) AS buyers,
    CAST(COALESCE(SUM(buyers) FILTER (WHERE length IS NOT NULL), 0) AS BIGINT) AS repeaters,
    CAST(SUM(span) AS DOUBLE) AS span,
    CAST(SUM(gaps) AS DOUBLE) AS gaps
  FROM lengths
  GROUP BY as_of, item_id
),
running AS (
  SELECT
    as_of,
    item_id,
    length,
    SUM(buyers) OVER (PARTITION BY as_of, item_id ORDER BY length NULLS LAST ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS up_to,
    SUM(buyers) OVER (PARTITION BY as_of, item_id) AS whole
  FROM lengths
  WHERE length IS NOT NULL
),
medians AS (
  SELECT as_of, item_id, MIN(length) AS length
  FROM running
  WHERE 2 * up_to >= whole
  GROUP BY as_of, item_id
),
shop AS (
  SELECT as_of, CAST(SUM(repeaters) AS DOUBLE) / NULLIF(CAST(SUM(buyers) AS DOUBLE), 0) AS rate
  FROM sums
  GROUP BY as_of
)
SELECT
  s.as_of,
  s.item_id,
  s.buyers,
  s.repeaters AS repeat_buyers,
  CAST(s.repeaters AS DOUBLE) / NULLIF(s.buyers, 0) AS repeat_rate,
  (s.repeaters + $prior_customers * h.rate) / NULLIF(CAST(s.buyers + $prior_customers AS DOUBLE), 0) AS repeat_rate_smoothed,
  s.span / NULLIF(s.gaps, 0) AS repeat_cycle_mean_days,
  m.length AS repeat_cycle_median_days
FROM sums s
JOIN shop h ON h.as_of = s.as_of
LEFT JOIN medians m ON m.as_of = s.as_of AND m.item_id = s.item_id
ORDER BY s.as_of, s.item_id
