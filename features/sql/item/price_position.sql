-- group: price_position
-- entity: item
-- doc: Where an item's price stands in its category at as_of; one row for every item of a known category with a price.
--     The price is that of the catalogue row valid at as_of or, where that has none or is undated, the mean price paid
--     on the last day it sold.
-- needs: items
-- uses: bought
-- key: item_id VARCHAR id | The item.
-- column: price DOUBLE currency | The price.
-- column: price_from_catalogue BOOLEAN - | Whether it is the catalogue's; false: what was last paid.
-- column: category_items BIGINT items | Items of its category that have a price.
-- column: price_percentile DOUBLE ratio | Share of the other items of its category with a strictly lower price; null when it is alone.
-- column: price_to_category DOUBLE ratio | Price / mean price of its category's items; null when all are free.
WITH per_day AS (
  SELECT as_of, item_id, day, CAST(SUM(spend) AS DOUBLE) / NULLIF(CAST(SUM(units) AS DOUBLE), 0) AS paid
  FROM bought
  GROUP BY as_of, item_id, day
),
paid AS (
  SELECT as_of, item_id, CAST(max_by(paid, day) AS DECIMAL(20, 4)) AS price
  FROM per_day
  GROUP BY as_of, item_id
),
prices AS (
  SELECT
    i.as_of,
    i.item_id,
    i.category,
    COALESCE(CAST(i.price AS DECIMAL(20, 4)), p.price) AS price,
    i.price IS NOT NULL AS from_catalogue
  FROM items i
  LEFT JOIN paid p ON p.as_of = i.as_of AND p.item_id = i.item_id
  WHERE i.category IS NOT NULL AND (i.price IS NOT NULL OR p.price IS NOT NULL)
),
ranks AS (
  SELECT
    as_of,
    item_id,
    price,
    from_catalogue,
    COUNT(*) OVER (PARTITION BY as_of, category) AS items,
    CAST(SUM(price) OVER (PARTITION BY as_of, category) AS DOUBLE) AS total,
    RANK() OVER (PARTITION BY as_of, category ORDER BY price NULLS LAST) - 1 AS cheaper
  FROM prices
)
SELECT
  as_of,
  item_id,
  CAST(price AS DOUBLE) AS price,
  from_catalogue AS price_from_catalogue,
  items AS category_items,
  CAST(cheaper AS DOUBLE) / NULLIF(items - 1, 0) AS price_percentile,
  CAST(price AS DOUBLE) * items / NULLIF(total, 0) AS price_to_category
FROM ranks
ORDER BY as_of, item_id
