-- group: purchases
-- entity: user_item
-- doc: What each customer bought on which day; returns left out. The history that recommenders learn from.
-- uses: bought
-- key: user_id VARCHAR id | The customer.
-- key: item_id VARCHAR id | The item.
-- key: day INTEGER day | The UTC day, counted from 1970-01-01.
-- column: orders BIGINT orders | Distinct orders that held the item that day.
-- column: quantity BIGINT units | Units bought that day.
SELECT
  as_of,
  user_id,
  item_id,
  day,
  orders,
  units AS quantity
FROM bought
ORDER BY as_of, user_id, item_id, day
