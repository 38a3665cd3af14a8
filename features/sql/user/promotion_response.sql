-- group: promotion_response
-- entity: user
-- doc: To which kinds of promotions a customer responded: orders of the 365 days before as_of with a line bought while a promotion of its item ran. One row for every customer with an order in these days.
--     A promotion is of its item_id; without one, of all items that are in its category at as_of; without either, of the whole shop. It runs from starts_at until before ends_at. An order may count for several kinds.
-- needs: promotions orders
-- optional: items
-- uses: baskets
-- key: user_id VARCHAR id | The customer.
-- column: promo_orders_365d BIGINT orders | Orders during a promotion of any kind.
-- column: promo_share_365d DOUBLE ratio | These / all orders of the 365 days.
-- column: promo_discount_orders_365d BIGINT orders | Orders during a promotion of kind discount.
-- column: promo_discount_share_365d DOUBLE ratio | These / all orders of the 365 days.
-- column: promo_bundle_orders_365d BIGINT orders | Orders during a promotion of kind bundle.
-- column: promo_bundle_share_365d DOUBLE ratio | These / all orders of the 365 days.
-- column: promo_gift_orders_365d BIGINT orders | Orders during a promotion of kind gift.
-- column: promo_gift_share_365d DOUBLE ratio | These / all orders of the 365 days.
-- column: promo_points_orders_365d BIGINT orders | Orders during a promotion of kind points.
-- column: promo_points_share_365d DOUBLE ratio | These / all orders of the 365 days.
-- column: promo_limited_time_orders_365d BIGINT orders | Orders during a promotion of kind limited_time.
-- column: promo_limited_time_share_365d DOUBLE ratio | These / all orders of the 365 days.
-- column: promo_other_orders_365d BIGINT orders | Orders during a promotion of any other kind.
-- column: promo_other_share_365d DOUBLE ratio | These / all orders of the 365 days.
WITH lines AS (
  SELECT as_of, user_id, order_id, item_id, ts
  FROM orders
  WHERE NOT is_return AND as_of_day - day <= 365
),
aimed AS (
  SELECT as_of, item_id, kind, starts_at, ends_at
  FROM promotions
  WHERE item_id IS NOT NULL
  UNION ALL
  SELECT p.as_of, i.item_id, p.kind, p.starts_at, p.ends_at
  FROM promotions p
  JOIN items i ON i.as_of = p.as_of AND i.category = p.category
  WHERE p.item_id IS NULL
),
whole_shop AS (
  SELECT as_of, kind, starts_at, ends_at
  FROM promotions
  WHERE item_id IS NULL AND category IS NULL
),
responses AS (
  SELECT l.as_of, l.user_id, l.order_id, a.kind
  FROM lines l
  JOIN aimed a ON a.as_of = l.as_of AND a.item_id = l.item_id
  WHERE a.starts_at <= l.ts AND (a.ends_at IS NULL OR l.ts < a.ends_at)
  UNION ALL
  SELECT l.as_of, l.user_id, l.order_id, w.kind
  FROM lines l
  JOIN whole_shop w ON w.as_of = l.as_of
  WHERE w.starts_at <= l.ts AND (w.ends_at IS NULL OR l.ts < w.ends_at)
),
per_order AS (
  SELECT
    as_of,
    user_id,
    order_id,
    MAX(CASE WHEN kind = 'discount' THEN 1 ELSE 0 END) AS discount,
    MAX(CASE WHEN kind = 'bundle' THEN 1 ELSE 0 END) AS bundle,
    MAX(CASE WHEN kind = 'gift' THEN 1 ELSE 0 END) AS gift,
    MAX(CASE WHEN kind = 'points' THEN 1 ELSE 0 END) AS points,
    MAX(CASE WHEN kind = 'limited_time' THEN 1 ELSE 0 END) AS limited_time,
    MAX(CASE WHEN kind IN ('discount', 'bundle', 'gift', 'points', 'limited_time') THEN 0 ELSE 1 END) AS other
  FROM responses
  GROUP BY as_of, user_id, order_id
),
counts AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS promoted,
    COUNT(*) FILTER (WHERE discount = 1) AS discount,
    COUNT(*) FILTER (WHERE bundle = 1) AS bundle,
    COUNT(*) FILTER (WHERE gift = 1) AS gift,
    COUNT(*) FILTER (WHERE points = 1) AS points,
    COUNT(*) FILTER (WHERE limited_time = 1) AS limited_time,
    COUNT(*) FILTER (WHERE other = 1) AS other
  FROM per_order
  GROUP BY as_of, user_id
),
order_ids AS (
  SELECT as_of, user_id, order_id
  FROM baskets
  WHERE as_of_day - day <= 365
  GROUP BY as_of, user_id, order_id
),
customers AS (
  SELECT as_of, user_id, COUNT(*) AS orders_made
  FROM order_ids
  GROUP BY as_of, user_id
)
SELECT
  u.as_of,
  u.user_id,
  COALESCE(c.promoted, 0) AS promo_orders_365d,
  CAST(COALESCE(c.promoted, 0) AS DOUBLE) / NULLIF(u.orders_made, 0) AS promo_share_365d,
  COALESCE(c.discount, 0) AS promo_discount_orders_365d,
  CAST(COALESCE(c.discount, 0) AS DOUBLE) / NULLIF(u.orders_made, 0) AS promo_discount_share_365d,
  COALESCE(c.bundle, 0) AS promo_bundle_orders_365d,
  CAST(COALESCE(c.bundle, 0) AS DOUBLE) / NULLIF(u.orders_made, 0) AS promo_bundle_share_365d,
  COALESCE(c.gift, 0) AS promo_gift_orders_365d,
  CAST(COALESCE(c.gift, 0) AS DOUBLE) / NULLIF(u.orders_made, 0) AS promo_gift_share_365d,
  COALESCE(c.points, 0) AS promo_points_orders_365d,
  CAST(COALESCE(c.points, 0) AS DOUBLE) / NULLIF(u.orders_made, 0) AS promo_points_share_365d,
  COALESCE(c.limited_time, 0) AS promo_limited_time_orders_365d,
  CAST(COALESCE(c.limited_time, 0) AS DOUBLE) / NULLIF(u.orders_made, 0) AS promo_limited_time_share_365d,
  COALESCE(c.other, 0) AS promo_other_orders_365d,
  CAST(COALESCE(c.other, 0) AS DOUBLE) / NULLIF(u.orders_made, 0) AS promo_other_share_365d
FROM customers u
LEFT JOIN counts c ON c.as_of = u.as_of AND c.user_id = u.user_id
ORDER BY u.as_of, u.user_id
