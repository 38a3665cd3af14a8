-- group: season
-- entity: user
-- doc: What a customer bought in the same season last year: one row for every customer whose first order lies at least
--     365 days back. The season ahead is the 90 days from as_of, so last year's is 365 to 276 days ago; the season
--     behind is the 90 days before as_of, last year's 455 to 366 days ago. An order spread over several days counts
--     once each day.
-- uses: baskets
-- key: user_id VARCHAR id | The customer.
-- column: season_ahead_orders BIGINT orders | Orders in last year's season ahead.
-- column: season_ahead_spend DOUBLE currency | Spend in last year's season ahead.
-- column: season_ahead_share DOUBLE ratio | Those orders / orders of the last 365 days; null without any.
-- column: season_behind_orders BIGINT orders | Orders in last year's season behind; null when the first order is less than 455 days back.
-- column: season_behind_spend DOUBLE currency | Spend in last year's season behind; null likewise.
-- column: season_orders_ratio DOUBLE ratio | (Orders of the last 90 days + 1) / (orders in last year's season behind + 1); null likewise.
-- column: season_spend_change DOUBLE currency | Spend of the last 90 days minus that of last year's season behind; null likewise.
WITH sums AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) - MIN(day) AS tenure,
    COUNT(*) FILTER (WHERE as_of_day - day <= 365) AS year_orders,
    COUNT(*) FILTER (WHERE as_of_day - day <= 90) AS recent_orders,
    COALESCE(SUM(spend) FILTER (WHERE as_of_day - day <= 90), 0) AS recent_spend,
    COUNT(*) FILTER (WHERE as_of_day - day <= 365 AND as_of_day - day > 275) AS ahead_orders,
    COALESCE(SUM(spend) FILTER (WHERE as_of_day - day <= 365 AND as_of_day - day > 275), 0) AS ahead_spend,
    COUNT(*) FILTER (WHERE as_of_day - day <= 455 AND as_of_day - day > 365) AS behind_orders,
    COALESCE(SUM(spend) FILTER (WHERE as_of_day - day <= 455 AND as_of_day - day > 365), 0) AS behind_spend
  FROM baskets
  GROUP BY as_of, user_id
  HAVING MAX(as_of_day) - MIN(day) >= 365
)
SELECT
  as_of,
  user_id,
  ahead_orders AS season_ahead_orders,
  CAST(ahead_spend AS DOUBLE) AS season_ahead_spend,
  CAST(ahead_orders AS DOUBLE) / NULLIF(year_orders, 0) AS season_ahead_share,
  CASE WHEN tenure >= 455 THEN behind_orders END AS season_behind_orders,
  CASE WHEN tenure >= 455 THEN CAST(behind_spend AS DOUBLE) END AS season_behind_spend,
  CASE WHEN tenure >= 455 THEN CAST(recent_orders + 1 AS DOUBLE) / NULLIF(behind_orders + 1, 0) END AS season_orders_ratio,
  CASE WHEN tenure >= 455 THEN CAST(recent_spend - behind_spend AS DOUBLE) END AS season_spend_change
FROM sums
ORDER BY as_of, user_id
