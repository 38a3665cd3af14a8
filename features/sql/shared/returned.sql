-- shared: returned
-- doc: One row for each customer, item and UTC day with returned lines.
-- needs: orders
-- key: user_id VARCHAR id | The customer.
-- key: item_id VARCHAR id | The item.
-- key: day INTEGER day | The UTC day, counted from 1970-01-01.
-- column: lines BIGINT lines | Returned order lines.
-- column: units BIGINT units | Returned units.
-- column: spend DECIMAL(38,4) currency | Quantity times unit price of the returned lines, summed.
SELECT
  user_id,
  item_id,
  day,
  COUNT(*) AS lines,
  CAST(SUM(quantity) AS BIGINT) AS units,
  SUM(CAST(quantity AS DECIMAL(18, 0)) * unit_price) AS spend
FROM orders
WHERE is_return
GROUP BY user_id, item_id, day
