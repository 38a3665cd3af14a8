-- group: new_customers
-- entity: shop
-- doc: How far those who signed up have come: customers whose sign-up lies from settle_days + 365 to settle_days days before as_of, and the steps they took by as_of.
-- needs: users orders
-- optional: events
-- uses: baskets
-- parameter: settle_days 30 | Days that everybody has had since signing up.
-- key: position INTEGER - | Place of the step in the funnel, from 1.
-- column: step VARCHAR - | signed_up, onboarding (any onboarding step), first_order, second_order or third_order.
-- column: customers BIGINT customers | Customers who took the step.
WITH registered AS (
  SELECT as_of, user_id
  FROM users
  WHERE as_of_day - CAST(CAST(signed_up_at AS DATE) - DATE '1970-01-01' AS INTEGER) > CAST($settle_days AS INTEGER)
    AND as_of_day - CAST(CAST(signed_up_at AS DATE) - DATE '1970-01-01' AS INTEGER) <= CAST($settle_days AS INTEGER) + 365
),
ordered AS (
  SELECT as_of, user_id, COUNT(DISTINCT order_id) AS orders
  FROM baskets
  GROUP BY as_of, user_id
),
onboarded AS (
  SELECT as_of, user_id
  FROM events
  WHERE type = 'onboarding_step' AND user_id IS NOT NULL
  GROUP BY as_of, user_id
),
sums AS (
  SELECT
    r.as_of,
    COUNT(*) AS signed_up,
    COUNT(e.user_id) AS onboarding,
    COUNT(*) FILTER (WHERE o.orders >= 1) AS first_order,
    COUNT(*) FILTER (WHERE o.orders >= 2) AS second_order,
    COUNT(*) FILTER (WHERE o.orders >= 3) AS third_order
  FROM registered r
  LEFT JOIN ordered o ON o.as_of = r.as_of AND o.user_id = r.user_id
  LEFT JOIN onboarded e ON e.as_of = r.as_of AND e.user_id = r.user_id
  GROUP BY r.as_of
),
lines AS (
  SELECT as_of, 1 AS position, 'signed_up' AS step, signed_up AS customers FROM sums
  UNION ALL
  SELECT as_of, 2 AS position, 'onboarding' AS step, onboarding AS customers FROM sums
  UNION ALL
  SELECT as_of, 3 AS position, 'first_order' AS step, first_order AS customers FROM sums
  UNION ALL
  SELECT as_of, 4 AS position, 'second_order' AS step, second_order AS customers FROM sums
  UNION ALL
  SELECT as_of, 5 AS position, 'third_order' AS step, third_order AS customers FROM sums
)
SELECT as_of, CAST(position AS INTEGER) AS position, step, customers
FROM lines
ORDER BY as_of, position
