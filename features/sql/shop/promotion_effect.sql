-- group: promotion_effect
-- entity: shop
-- doc: Sales before, during and after each promotion that began in the 365 days before as_of, over equally long spans of whole UTC days. A promotion is of its item_id; without one, of all items that are in its category at as_of; without either, of the whole shop. This compares spans of time; it does not say what would have happened without the promotion.
-- needs: promotions orders
-- optional: items
-- uses: bought
-- key: promotion_id VARCHAR id | The promotion.
-- column: kind VARCHAR - | discount, bundle, gift, points, limited_time, …
-- column: scope VARCHAR - | item, category or shop.
-- column: start_day INTEGER day | The first UTC day, counted from 1970-01-01.
-- column: span_days INTEGER days | Length of each span: the promotion's days, up to as_of where it has not ended.
-- column: running BOOLEAN - | Whether it had not ended at as_of.
-- column: orders_before BIGINT orders | Orders of each item and customer in the span before, summed; null when the history does not reach back so far.
-- column: orders_during BIGINT orders | Likewise during the promotion.
-- column: orders_after BIGINT orders | Likewise in the span after; null when that has not ended by as_of.
-- column: spend_before DOUBLE currency | Quantity times unit price in the span before; null as above.
-- column: spend_during DOUBLE currency | Likewise during the promotion.
-- column: spend_after DOUBLE currency | Likewise in the span after; null as above.
WITH dated AS (
  SELECT
    as_of,
    promotion_id,
    kind,
    item_id,
    CASE WHEN item_id IS NULL THEN category END AS category,
    CASE WHEN item_id IS NOT NULL THEN 'item' WHEN category IS NOT NULL THEN 'category' ELSE 'shop' END AS scope,
    as_of_day,
    CAST(CAST(starts_at AS DATE) - DATE '1970-01-01' AS INTEGER) AS start_day,
    ends_at IS NULL AS running,
    COALESCE(
      CAST(CAST(ends_at AS DATE) - DATE '1970-01-01' AS INTEGER) + CASE WHEN CAST(CAST(ends_at AS DATE) AS TIMESTAMP) = ends_at THEN 0 ELSE 1 END,
      as_of_day
    ) AS stop_day
  FROM promotions
),
promos AS (
  SELECT
    as_of,
    promotion_id,
    kind,
    item_id,
    category,
    scope,
    as_of_day,
    start_day,
    running,
    GREATEST(stop_day, start_day + 1) AS stop_day,
    GREATEST(stop_day - start_day, 1) AS span
  FROM dated
  WHERE as_of_day - start_day <= 365
),
item_days AS (
  SELECT as_of, item_id, day, SUM(orders) AS orders, SUM(spend) AS spend
  FROM bought
  GROUP BY as_of, item_id, day
),
shop_days AS (
  SELECT as_of, day, SUM(orders) AS orders, SUM(spend) AS spend
  FROM item_days
  GROUP BY as_of, day
),
history AS (
  SELECT as_of, MIN(day) AS begins
  FROM shop_days
  GROUP BY as_of
),
category_days AS (
  SELECT d.as_of, i.category, d.day, SUM(d.orders) AS orders, SUM(d.spend) AS spend
  FROM item_days d
  JOIN items i ON i.as_of = d.as_of AND i.item_id = d.item_id
  WHERE i.category IS NOT NULL
  GROUP BY d.as_of, i.category, d.day
),
sales AS (
  SELECT p.as_of, p.promotion_id, p.start_day, p.stop_day, d.day, d.orders, d.spend
  FROM promos p
  JOIN item_days d ON d.as_of = p.as_of AND d.item_id = p.item_id AND d.day >= p.start_day - p.span AND d.day < p.stop_day + p.span
  UNION ALL
  SELECT p.as_of, p.promotion_id, p.start_day, p.stop_day, d.day, d.orders, d.spend
  FROM promos p
  JOIN category_days d ON d.as_of = p.as_of AND d.category = p.category AND d.day >= p.start_day - p.span AND d.day < p.stop_day + p.span
  UNION ALL
  SELECT p.as_of, p.promotion_id, p.start_day, p.stop_day, d.day, d.orders, d.spend
  FROM promos p
  JOIN shop_days d ON d.as_of = p.as_of AND d.day >= p.start_day - p.span AND d.day < p.stop_day + p.span
  WHERE p.scope = 'shop'
),
sums AS (
  SELECT
    as_of,
    promotion_id,
    SUM(orders) FILTER (WHERE day < start_day) AS orders_before,
    SUM(orders) FILTER (WHERE day >= start_day AND day < stop_day) AS orders_during,
    SUM(orders) FILTER (WHERE day >= stop_day) AS orders_after,
    SUM(spend) FILTER (WHERE day < start_day) AS spend_before,
    SUM(spend) FILTER (WHERE day >= start_day AND day < stop_day) AS spend_during,
    SUM(spend) FILTER (WHERE day >= stop_day) AS spend_after
  FROM sales
  GROUP BY as_of, promotion_id
)
SELECT
  p.as_of,
  p.promotion_id,
  p.kind,
  p.scope,
  CAST(p.start_day AS INTEGER) AS start_day,
  CAST(p.span AS INTEGER) AS span_days,
  p.running,
  CASE WHEN h.begins <= p.start_day - p.span THEN CAST(COALESCE(s.orders_before, 0) AS BIGINT) END AS orders_before,
  CAST(COALESCE(s.orders_during, 0) AS BIGINT) AS orders_during,
  CASE WHEN NOT p.running AND p.stop_day + p.span <= p.as_of_day THEN CAST(COALESCE(s.orders_after, 0) AS BIGINT) END AS orders_after,
  CASE WHEN h.begins <= p.start_day - p.span THEN CAST(COALESCE(s.spend_before, 0) AS DOUBLE) END AS spend_before,
  CAST(COALESCE(s.spend_during, 0) AS DOUBLE) AS spend_during,
  CASE WHEN NOT p.running AND p.stop_day + p.span <= p.as_of_day THEN CAST(COALESCE(s.spend_after, 0) AS DOUBLE) END AS spend_after
FROM promos p
LEFT JOIN history h ON h.as_of = p.as_of
LEFT JOIN sums s ON s.as_of = p.as_of AND s.promotion_id = p.promotion_id
ORDER BY p.as_of, p.promotion_id
