-- group: item_returns
-- entity: item
-- doc: How often an item is sent back; one row for every item ever sold.
-- uses: bought returned
-- parameter: prior_units 20 | Units returned at the shop's mean rate that are added to the smoothed rate.
-- key: item_id VARCHAR id | The item.
-- column: returned_units BIGINT units | Units sent back.
-- column: return_rate DOUBLE ratio | Units sent back / units sold; above 1 when sales before the history were sent back.
-- column: return_rate_smoothed DOUBLE ratio | The same after adding $prior_units units at the shop's mean rate.
-- column: return_rate_90d DOUBLE ratio | Units sent back in the last 90 days / units sold in them; null when none sold.
-- column: returning_customers BIGINT customers | Distinct customers who sent it back.
WITH sold AS (
  SELECT
    as_of,
    item_id,
    CAST(SUM(units) AS BIGINT) AS units,
    CAST(COALESCE(SUM(units) FILTER (WHERE as_of_day - day <= 90), 0) AS BIGINT) AS units_90
  FROM bought
  GROUP BY as_of, item_id
),
sent_back AS (
  SELECT
    as_of,
    item_id,
    CAST(SUM(units) AS BIGINT) AS units,
    CAST(COALESCE(SUM(units) FILTER (WHERE as_of_day - day <= 90), 0) AS BIGINT) AS units_90,
    COUNT(DISTINCT user_id) AS customers
  FROM returned
  GROUP BY as_of, item_id
),
joined AS (
  SELECT
    s.as_of,
    s.item_id,
    s.units,
    s.units_90,
    COALESCE(r.units, 0) AS back,
    COALESCE(r.units_90, 0) AS back_90,
    COALESCE(r.customers, 0) AS customers
  FROM sold s
  LEFT JOIN sent_back r ON r.as_of = s.as_of AND r.item_id = s.item_id
),
shop AS (
  SELECT as_of, CAST(SUM(back) AS DOUBLE) / NULLIF(CAST(SUM(units) AS DOUBLE), 0) AS rate
  FROM joined
  GROUP BY as_of
)
SELECT
  j.as_of,
  j.item_id,
  j.back AS returned_units,
  CAST(j.back AS DOUBLE) / NULLIF(j.units, 0) AS return_rate,
  (j.back + $prior_units * h.rate) / NULLIF(CAST(j.units + $prior_units AS DOUBLE), 0) AS return_rate_smoothed,
  CAST(j.back_90 AS DOUBLE) / NULLIF(j.units_90, 0) AS return_rate_90d,
  j.customers AS returning_customers
FROM joined j
JOIN shop h ON h.as_of = j.as_of
ORDER BY j.as_of, j.item_id
