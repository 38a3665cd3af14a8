-- group: promotion_share
-- entity: user
-- doc: How much of a customer's spend falls on promoted items while they were promoted. A promotion covers every UTC day
--     that it touches; one with an item covers that item, one with a category only that category, one with neither the
--     whole shop. A purchase that several promotions cover counts once.
-- needs: promotions
-- uses: bought
-- optional: items
-- key: user_id VARCHAR id | The customer.
-- column: promotion_spend DOUBLE currency | Spend on items while they were promoted.
-- column: promotion_spend_share DOUBLE ratio | That spend / all spend; null when nothing bought had a price.
-- column: promotion_item_orders BIGINT orders | Times an item was ordered while promoted.
WITH periods AS (
  SELECT
    as_of,
    item_id,
    category,
    CAST(CAST(starts_at AS DATE) - DATE '1970-01-01' AS INTEGER) AS first_day,
    COALESCE(CAST(CAST(ends_at - INTERVAL '1' SECOND AS DATE) - DATE '1970-01-01' AS INTEGER), as_of_day) AS last_day
  FROM promotions
),
sold AS (
  SELECT b.as_of, b.item_id, b.day, MAX(i.category) AS category
  FROM bought b
  LEFT JOIN items i ON i.as_of = b.as_of AND i.item_id = b.item_id
  GROUP BY b.as_of, b.item_id, b.day
),
covered AS (
  SELECT s.as_of, s.item_id, s.day
  FROM sold s
  JOIN periods p ON p.as_of = s.as_of AND p.item_id = s.item_id AND s.day >= p.first_day AND s.day <= p.last_day
  UNION
  SELECT s.as_of, s.item_id, s.day
  FROM sold s
  JOIN periods p ON p.as_of = s.as_of AND p.category = s.category AND s.day >= p.first_day AND s.day <= p.last_day
  WHERE p.item_id IS NULL
  UNION
  SELECT s.as_of, s.item_id, s.day
  FROM sold s
  JOIN periods p ON p.as_of = s.as_of AND s.day >= p.first_day AND s.day <= p.last_day
  WHERE p.item_id IS NULL AND p.category IS NULL
),
sums AS (
  SELECT
    b.as_of,
    b.user_id,
    CAST(SUM(b.spend) AS DOUBLE) AS spend,
    CAST(COALESCE(SUM(b.spend) FILTER (WHERE c.day IS NOT NULL), 0) AS DOUBLE) AS promoted,
    CAST(COALESCE(SUM(b.orders) FILTER (WHERE c.day IS NOT NULL), 0) AS BIGINT) AS orders
  FROM bought b
  LEFT JOIN covered c ON c.as_of = b.as_of AND c.item_id = b.item_id AND c.day = b.day
  GROUP BY b.as_of, b.user_id
)
SELECT
  as_of,
  user_id,
  promoted AS promotion_spend,
  promoted / NULLIF(spend, 0) AS promotion_spend_share,
  orders AS promotion_item_orders
FROM sums
ORDER BY as_of, user_id
