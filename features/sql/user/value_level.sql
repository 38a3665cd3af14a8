-- group: value_level
-- entity: user
-- doc: How much a customer has brought the shop, and the value group that follows. core: spend percentile at least
--     $high_cut, at least $core_orders orders and one in the last $active_days days; high_value: percentile at least
--     $high_cut but not core (seldom or no longer buying); potential: percentile from $potential_cut and an order in
--     the last $active_days days; long_tail: everyone else. An order spread over several days counts once each day.
-- uses: baskets
-- parameter: high_cut 0.8 | Spend percentile from which a customer is core or high_value.
-- parameter: potential_cut 0.4 | Spend percentile from which an active customer is potential.
-- parameter: core_orders 3 | Orders that a core customer has at least.
-- parameter: active_days 180 | Days within which the last order of a core or potential customer lies.
-- key: user_id VARCHAR id | The customer.
-- column: spend_percentile DOUBLE ratio | Share of the shop's customers with strictly less spend.
-- column: spend_contribution DOUBLE ratio | Spend / spend of all customers; null when nothing had a price.
-- column: spend_contribution_above DOUBLE ratio | Share of all spend that comes from customers with strictly more spend; null likewise.
-- column: value_group VARCHAR - | core, high_value, potential or long_tail, as defined above.
WITH totals AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) - MAX(day) AS recency,
    COUNT(*) AS orders,
    SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id
),
ranks AS (
  SELECT
    as_of,
    user_id,
    recency,
    orders,
    spend,
    COUNT(*) OVER (PARTITION BY as_of) AS customers,
    RANK() OVER (PARTITION BY as_of ORDER BY spend NULLS LAST) - 1 AS poorer,
    SUM(spend) OVER (PARTITION BY as_of ORDER BY spend NULLS LAST RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS up_to,
    SUM(spend) OVER (PARTITION BY as_of) AS whole
  FROM totals
),
shares AS (
  SELECT
    as_of,
    user_id,
    recency,
    orders,
    CAST(poorer AS DOUBLE) / NULLIF(customers, 0) AS percentile,
    CAST(spend AS DOUBLE) / NULLIF(CAST(whole AS DOUBLE), 0) AS contribution,
    CAST(whole - up_to AS DOUBLE) / NULLIF(CAST(whole AS DOUBLE), 0) AS above
  FROM ranks
)
SELECT
  as_of,
  user_id,
  percentile AS spend_percentile,
  contribution AS spend_contribution,
  above AS spend_contribution_above,
  CASE
    WHEN percentile >= $high_cut AND orders >= $core_orders AND recency <= $active_days THEN 'core'
    WHEN percentile >= $high_cut THEN 'high_value'
    WHEN percentile >= $potential_cut AND recency <= $active_days THEN 'potential'
    ELSE 'long_tail'
  END AS value_group
FROM shares
ORDER BY as_of, user_id
