-- shared: bought
-- doc: One row for each customer, item and UTC day with lines that are no returns.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- key: item_id VARCHAR id | The item.
-- key: day INTEGER day | The UTC day, counted from 1970-01-01.
-- column: previous_day INTEGER day | The day before this one on which the customer bought the item; null at the first.
-- column: orders BIGINT orders | Distinct orders that held the item that day.
-- column: lines BIGINT lines | Order lines.
-- column: units BIGINT units | Units bought.
-- column: spend DECIMAL(38,4) currency | Quantity times unit price, summed.
-- column: spend_so_far DECIMAL(38,4) currency | The same of all days up to and including this one.
WITH sums AS (
  SELECT
    user_id,
    item_id,
    day,
    COUNT(DISTINCT order_id) AS orders,
    COUNT(*) AS lines,
    CAST(SUM(quantity) AS BIGINT) AS units,
    SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) AS spend
  FROM orders
  WHERE NOT is_return
  GROUP BY user_id, item_id, day
)
SELECT
  user_id,
  item_id,
  day,
  LAG(day) OVER (PARTITION BY user_id, item_id ORDER BY day) AS previous_day,
  orders,
  lines,
  units,
  spend,
  CAST(SUM(spend) OVER (PARTITION BY user_id, item_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS DECIMAL(38, 4)) AS spend_so_far
FROM sums
