-- group: replenishment
-- entity: user
-- doc: The items a customer buys again and again: one row for every customer with a repeat item, which is an item bought
--     on at least two days. An item's cycle is its mean gap in days; it is due its cycle, rounded, after the last
--     purchase, and given up when more than $given_up cycles have passed without one.
-- uses: bought days
-- parameter: given_up 3 | Cycles without a purchase after which an item is given up and no longer due.
-- parameter: soon_days 14 | Days from as_of within which an item is due soon.
-- key: user_id VARCHAR id | The customer.
-- column: repeat_items BIGINT items | Items bought on at least two days.
-- column: repeat_spend_share DOUBLE ratio | Spend on repeat items / all spend; null when nothing bought had a price.
-- column: repeat_cycle_mean_days DOUBLE days | Mean gap over all gaps of the repeat items.
-- column: repeat_cycle_median_days DOUBLE days | Median of the repeat items' cycles.
-- column: repeat_items_alive BIGINT items | Repeat items that are not given up.
-- column: repeat_items_due BIGINT items | Items not given up that are overdue or due within $soon_days days.
-- column: repeat_overdue_days INTEGER days | Days that the most overdue item not given up is overdue; below 0 = days until the first is due; null when all are given up.
WITH repeats AS (
  SELECT
    as_of,
    user_id,
    item_id,
    MAX(as_of_day) - MAX(day) AS elapsed,
    CAST(SUM(day - previous_day) AS BIGINT) AS span,
    COUNT(*) AS gaps,
    max_by(spend_so_far, day) AS spend
  FROM bought
  WHERE previous_day IS NOT NULL
  GROUP BY as_of, user_id, item_id
),
cycles AS (
  SELECT as_of, user_id, item_id, elapsed, span, gaps, spend, CAST(CAST(span AS DOUBLE) / NULLIF(gaps, 0) AS DECIMAL(18, 6)) AS cycle
  FROM repeats
),
placed AS (
  SELECT
    as_of,
    user_id,
    elapsed,
    span,
    gaps,
    spend,
    cycle,
    elapsed - CAST(FLOOR(cycle + 0.5) AS INTEGER) AS overdue,
    elapsed * gaps <= $given_up * span AS alive,
    ROW_NUMBER() OVER (PARTITION BY as_of, user_id ORDER BY cycle NULLS LAST, item_id NULLS LAST) AS place,
    COUNT(*) OVER (PARTITION BY as_of, user_id) AS items
  FROM cycles
),
sums AS (
  SELECT
    as_of,
    user_id,
    COUNT(*) AS items,
    CAST(SUM(spend) AS DOUBLE) AS spend,
    CAST(SUM(span) AS DOUBLE) AS span,
    CAST(SUM(gaps) AS DOUBLE) AS gaps,
    CAST(SUM(cycle) FILTER (WHERE 2 * place >= items AND 2 * place <= items + 2) AS DOUBLE) AS middle,
    COUNT(*) FILTER (WHERE 2 * place >= items AND 2 * place <= items + 2) AS middles,
    COUNT(*) FILTER (WHERE alive) AS alive,
    COUNT(*) FILTER (WHERE alive AND overdue > -$soon_days) AS due,
    MAX(overdue) FILTER (WHERE alive) AS overdue
  FROM placed
  GROUP BY as_of, user_id
),
totals AS (
  SELECT as_of, user_id, CAST(SUM(spend) AS DOUBLE) AS spend
  FROM days
  GROUP BY as_of, user_id
)
SELECT
  s.as_of,
  s.user_id,
  s.items AS repeat_items,
  s.spend / NULLIF(t.spend, 0) AS repeat_spend_share,
  s.span / NULLIF(s.gaps, 0) AS repeat_cycle_mean_days,
  s.middle / NULLIF(s.middles, 0) AS repeat_cycle_median_days,
  s.alive AS repeat_items_alive,
  s.due AS repeat_items_due,
  CAST(s.overdue AS INTEGER) AS repeat_overdue_days
FROM sums s
JOIN totals t ON t.as_of = s.as_of AND t.user_id = s.user_id
ORDER BY s.as_of, s.user_id
