-- group: first_last
-- entity: user
-- doc: The first and the last basket and the time between them. A basket is all that was bought on one UTC day.
-- uses: days
-- key: user_id VARCHAR id | The customer.
-- column: active_span_days INTEGER days | Days from the first to the last order day; 0 with a single one.
-- column: first_basket_value DOUBLE currency | Quantity times unit price of the first basket.
-- column: first_basket_lines BIGINT lines | Order lines of the first basket.
-- column: first_basket_units BIGINT units | Units in the first basket.
-- column: last_basket_value DOUBLE currency | Quantity times unit price of the last basket; the first, when there is one.
-- column: last_basket_lines BIGINT lines | Order lines of the last basket.
-- column: last_basket_units BIGINT units | Units in the last basket.
-- column: last_to_first_value DOUBLE ratio | Value of the last basket / value of the first; null when the first had no price.
-- column: last_to_mean_value DOUBLE ratio | Value of the last basket / mean value of all; null when nothing bought had a price.
WITH edges AS (
  SELECT
    as_of,
    user_id,
    MAX(day) - MIN(day) AS span,
    COUNT(*) AS days,
    CAST(SUM(spend) AS DOUBLE) AS spend,
    CAST(min_by(spend, day) AS DOUBLE) AS first_value,
    min_by(lines, day) AS first_lines,
    min_by(units, day) AS first_units,
    CAST(max_by(spend, day) AS DOUBLE) AS last_value,
    max_by(lines, day) AS last_lines,
    max_by(units, day) AS last_units
  FROM days
  GROUP BY as_of, user_id
)
SELECT
  as_of,
  user_id,
  CAST(span AS INTEGER) AS active_span_days,
  first_value AS first_basket_value,
  first_lines AS first_basket_lines,
  first_units AS first_basket_units,
  last_value AS last_basket_value,
  last_lines AS last_basket_lines,
  last_units AS last_basket_units,
  last_value / NULLIF(first_value, 0) AS last_to_first_value,
  last_value * days / NULLIF(spend, 0) AS last_to_mean_value
FROM edges
ORDER BY as_of, user_id
