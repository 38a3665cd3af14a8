-- group: age_stock
-- entity: item
-- doc: How old an item is and whether it can be had; one row for every item of the catalogue or ever sold.
-- uses: bought
-- optional: items
-- key: item_id VARCHAR id | The item.
-- column: age_days INTEGER days | Days since it became available or, where that is unknown or not before its first sale, since its first sale; null when neither happened before as_of.
-- column: first_sale_days INTEGER days | Days since the first sale; null when never sold.
-- column: last_sale_days INTEGER days | Days since the last sale; null when never sold.
-- column: sale_days BIGINT days | Distinct days on which it sold.
-- column: in_stock BOOLEAN - | Whether the catalogue row valid at as_of says in stock; null when it does not say or is undated.
-- column: listed BOOLEAN - | Whether the catalogue has a row of it that is valid at as_of.
WITH sold_days AS (
  SELECT as_of, item_id, day, MAX(as_of_day) AS as_of_day
  FROM bought
  GROUP BY as_of, item_id, day
),
sold AS (
  SELECT as_of, item_id, MAX(as_of_day) - MIN(day) AS first_sale, MAX(as_of_day) - MAX(day) AS last_sale, COUNT(*) AS days
  FROM sold_days
  GROUP BY as_of, item_id
),
catalogue AS (
  SELECT
    as_of,
    item_id,
    in_stock,
    as_of_day - CAST(CAST(available_from AS DATE) - DATE '1970-01-01' AS INTEGER) AS available
  FROM items
),
ids AS (
  SELECT as_of, item_id FROM sold
  UNION
  SELECT as_of, item_id FROM catalogue
)
SELECT
  d.as_of,
  d.item_id,
  CAST(GREATEST(c.available, s.first_sale) AS INTEGER) AS age_days,
  CAST(s.first_sale AS INTEGER) AS first_sale_days,
  CAST(s.last_sale AS INTEGER) AS last_sale_days,
  COALESCE(s.days, 0) AS sale_days,
  c.in_stock,
  c.item_id IS NOT NULL AS listed
FROM ids d
LEFT JOIN sold s ON s.as_of = d.as_of AND s.item_id = d.item_id
LEFT JOIN catalogue c ON c.as_of = d.as_of AND c.item_id = d.item_id
ORDER BY d.as_of, d.item_id
