-- group: purchases
-- entity: user_item
-- doc: What each customer bought on which day; returns left out. The history that recommenders learn from.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- key: item_id VARCHAR id | The item.
-- key: day INTEGER day | The UTC day, counted from 1970-01-01.
-- column: orders BIGINT orders | Distinct orders that held the item that day.
-- column: quantity BIGINT units | Units bought that day.
WITH per_order AS (
  SELECT as_of, user_id, item_id, day, order_id, SUM(quantity) AS quantity
  FROM orders
  WHERE NOT is_return
  GROUP BY as_of, user_id, item_id, day, order_id
)
SELECT
  as_of,
  user_id,
  item_id,
  day,
  COUNT(*) AS orders,
  CAST(SUM(quantity) AS BIGINT) AS quantity
FROM per_order
GROUP BY as_of, user_id, item_id, day
ORDER BY as_of, user_id, item_id, day
