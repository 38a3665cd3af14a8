-- group: store_mix
-- entity: user
-- doc: How a customer's orders are spread over stores; one row for every customer with an order whose store is known.
--     An order spread over several days counts once each day.
-- uses: baskets
-- key: user_id VARCHAR id | The customer.
-- column: stores BIGINT stores | Distinct stores.
-- column: main_store VARCHAR id | The store with most orders; of several, the first by name.
-- column: main_store_share DOUBLE ratio | Orders in the main store / orders whose store is known.
-- column: store_entropy DOUBLE nats | Entropy of the orders over the stores, natural logarithm; 0 with a single one.
WITH per_store AS (
  SELECT as_of, user_id, store, COUNT(*) AS orders, CAST(COUNT(*) * LN(COUNT(*)) AS DECIMAL(28, 9)) AS n_log_n
  FROM baskets
  WHERE store IS NOT NULL
  GROUP BY as_of, user_id, store
),
sums AS (
  SELECT as_of, user_id, COUNT(*) AS stores, CAST(SUM(orders) AS BIGINT) AS orders, MAX(orders) AS main, CAST(SUM(n_log_n) AS DOUBLE) AS logs
  FROM per_store
  GROUP BY as_of, user_id
),
names AS (
  SELECT p.as_of, p.user_id, MIN(p.store) AS main_store
  FROM per_store p
  JOIN sums s ON s.as_of = p.as_of AND s.user_id = p.user_id AND s.main = p.orders
  GROUP BY p.as_of, p.user_id
)
SELECT
  s.as_of,
  s.user_id,
  s.stores,
  n.main_store,
  CAST(s.main AS DOUBLE) / NULLIF(s.orders, 0) AS main_store_share,
  CASE WHEN s.stores = 1 THEN CAST(0 AS DOUBLE) ELSE LN(s.orders) - s.logs / NULLIF(s.orders, 0) END AS store_entropy
FROM sums s
JOIN names n ON n.as_of = s.as_of AND n.user_id = s.user_id
ORDER BY s.as_of, s.user_id
