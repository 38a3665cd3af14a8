-- group: live_orders
-- entity: user
-- doc: Orders placed in live sessions: one row for every customer with such an order, which is one that carries a
--     live_id. An order spread over several days counts once each day.
-- uses: baskets
-- key: user_id VARCHAR id | The customer.
-- column: live_orders BIGINT orders | Orders placed in a live session.
-- column: live_order_share DOUBLE ratio | Those orders / all orders.
-- column: live_spend_share DOUBLE ratio | Spend of those orders / all spend; null when nothing bought had a price.
-- column: live_last_order_days INTEGER days | Days from the last such order to as_of.
-- column: live_order_hosts BIGINT hosts | Distinct known hosts of those orders.
-- column: live_order_main_host VARCHAR id | The host of most of them; of several, the first by name; null when none is known.
-- column: live_order_main_host_share DOUBLE ratio | That host's orders / those whose host is known; null when none is.
WITH per_host AS (
  SELECT as_of, user_id, host_id, COUNT(*) AS orders
  FROM baskets
  WHERE live_id IS NOT NULL AND host_id IS NOT NULL
  GROUP BY as_of, user_id, host_id
),
hosts AS (
  SELECT as_of, user_id, COUNT(*) AS hosts, CAST(SUM(orders) AS BIGINT) AS orders, MAX(orders) AS main
  FROM per_host
  GROUP BY as_of, user_id
),
names AS (
  SELECT p.as_of, p.user_id, MIN(p.host_id) AS main_host
  FROM per_host p
  JOIN hosts h ON h.as_of = p.as_of AND h.user_id = p.user_id AND h.main = p.orders
  GROUP BY p.as_of, p.user_id
),
sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS orders,
    CAST(SUM(spend) AS DOUBLE) AS spend,
    COUNT(*) FILTER (WHERE live_id IS NOT NULL) AS live,
    CAST(SUM(spend) FILTER (WHERE live_id IS NOT NULL) AS DOUBLE) AS live_spend,
    MAX(as_of_day) - MAX(day) FILTER (WHERE live_id IS NOT NULL) AS elapsed
  FROM baskets
  GROUP BY as_of, user_id
  HAVING COUNT(*) FILTER (WHERE live_id IS NOT NULL) > 0
)
SELECT
  s.as_of,
  s.user_id,
  s.live AS live_orders,
  CAST(s.live AS DOUBLE) / NULLIF(s.orders, 0) AS live_order_share,
  s.live_spend / NULLIF(s.spend, 0) AS live_spend_share,
  CAST(s.elapsed AS INTEGER) AS live_last_order_days,
  COALESCE(h.hosts, 0) AS live_order_hosts,
  n.main_host AS live_order_main_host,
  CAST(h.main AS DOUBLE) / NULLIF(h.orders, 0) AS live_order_main_host_share
FROM sums s
LEFT JOIN hosts h ON h.as_of = s.as_of AND h.user_id = s.user_id
LEFT JOIN names n ON n.as_of = s.as_of AND n.user_id = s.user_id
ORDER BY s.as_of, s.user_id
