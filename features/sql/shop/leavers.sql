-- group: leavers
-- entity: shop
-- doc: What was last seen of customers before they left. A customer has left with the leave_days-th day without an order; counted are those who did so in the 365 days before as_of and have not come back.
--     The reason is the last signal from signal_days before the last order until the customer left: complaint (feedback of kind complaint), late (event of type late_delivery) or return (a returned line); of one day, complaint goes before late, late before return. Without any, it is price when at least half of the customer's order lines had a discount, else none. A signal is not a proof of the cause.
-- uses: baskets returned
-- optional: events feedback
-- parameter: leave_days 90 | Days without an order after which a customer counts as having left.
-- parameter: signal_days 30 | Days before the last order from which signals count.
-- key: segment VARCHAR - | new (one order), light (two to four) or heavy (five and more).
-- key: reason VARCHAR - | complaint, late, return, price or none.
-- column: customers BIGINT customers | Customers who left.
-- column: spend DOUBLE currency | What they had spent in all: quantity times unit price.
WITH totals AS (
  SELECT
    as_of,
    user_id,
    MAX(as_of_day) AS as_of_day,
    MAX(day) AS last_day,
    COUNT(DISTINCT order_id) AS orders,
    SUM(lines) AS lines,
    SUM(discounted_lines) AS discounted_lines,
    SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id
),
gone AS (
  SELECT as_of, user_id, last_day, orders, lines, discounted_lines, spend
  FROM totals
  WHERE as_of_day - last_day > CAST($leave_days AS INTEGER) AND as_of_day - last_day <= CAST($leave_days AS INTEGER) + 365
),
signals AS (
  SELECT as_of, user_id, day, 3 AS rank_of FROM feedback WHERE kind = 'complaint'
  UNION ALL
  SELECT as_of, user_id, day, 2 AS rank_of FROM events WHERE type = 'late_delivery' AND user_id IS NOT NULL
  UNION ALL
  SELECT as_of, user_id, day, 1 AS rank_of FROM returned
),
latest AS (
  SELECT g.as_of, g.user_id, MAX(CAST(s.day AS BIGINT) * 4 + s.rank_of) AS code
  FROM gone g
  JOIN signals s ON s.as_of = g.as_of AND s.user_id = g.user_id
    AND s.day >= g.last_day - CAST($signal_days AS INTEGER) AND s.day <= g.last_day + CAST($leave_days AS INTEGER)
  GROUP BY g.as_of, g.user_id
),
named AS (
  SELECT
    g.as_of,
    CASE WHEN g.orders >= 5 THEN 'heavy' WHEN g.orders >= 2 THEN 'light' ELSE 'new' END AS segment,
    CASE
      WHEN l.code % 4 = 3 THEN 'complaint'
      WHEN l.code % 4 = 2 THEN 'late'
      WHEN l.code % 4 = 1 THEN 'return'
      WHEN 2 * g.discounted_lines >= g.lines THEN 'price'
      ELSE 'none'
    END AS reason,
    g.spend
  FROM gone g
  LEFT JOIN latest l ON l.as_of = g.as_of AND l.user_id = g.user_id
)
SELECT as_of, segment, reason, COUNT(*) AS customers, CAST(SUM(spend) AS DOUBLE) AS spend
FROM named
GROUP BY as_of, segment, reason
ORDER BY as_of, segment, reason
