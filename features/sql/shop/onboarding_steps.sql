-- group: onboarding_steps
-- entity: shop
-- doc: How many of those who signed up took each onboarding step: customers whose sign-up lies from settle_days + 365 to settle_days days before as_of. Steps are told apart by item_id, else placement, else value.
-- needs: users events
-- parameter: settle_days 30 | Days that everybody has had since signing up.
-- key: step VARCHAR - | The step.
-- column: customers BIGINT customers | Customers who took it by as_of.
WITH registered AS (
  SELECT as_of, user_id
  FROM users
  WHERE as_of_day - CAST(CAST(signed_up_at AS DATE) - DATE '1970-01-01' AS INTEGER) > CAST($settle_days AS INTEGER)
    AND as_of_day - CAST(CAST(signed_up_at AS DATE) - DATE '1970-01-01' AS INTEGER) <= CAST($settle_days AS INTEGER) + 365
),
taken AS (
  SELECT as_of, user_id, COALESCE(item_id, placement, CAST(value AS VARCHAR), '') AS step
  FROM events
  WHERE type = 'onboarding_step' AND user_id IS NOT NULL
  GROUP BY as_of, user_id, COALESCE(item_id, placement, CAST(value AS VARCHAR), '')
)
SELECT t.as_of, t.step, COUNT(*) AS customers
FROM taken t
JOIN registered r ON r.as_of = t.as_of AND r.user_id = t.user_id
GROUP BY t.as_of, t.step
ORDER BY t.as_of, step
