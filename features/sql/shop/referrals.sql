-- group: referrals
-- entity: shop
-- doc: Who signed up on a customer's recommendation, in windows of days that end at as_of. Only users with a known sign-up time count.
-- needs: users orders
-- uses: baskets
-- key: window_days INTEGER days | Length of the window of sign-ups: 90 or 365 days before as_of.
-- column: sign_ups BIGINT customers | Users who signed up in the window.
-- column: referred BIGINT customers | Of these, users with a referrer.
-- column: referred_buyers BIGINT customers | Of these, users who have ordered by as_of.
-- column: referred_spend DOUBLE currency | What these have spent by as_of: quantity times unit price.
-- column: referrers BIGINT customers | Distinct customers who referred them.
-- column: customers BIGINT customers | All customers who have ever ordered.
WITH windows AS (
  SELECT 90 AS window_days
  UNION ALL
  SELECT 365 AS window_days
),
buyers AS (
  SELECT as_of, user_id, SUM(spend) AS spend
  FROM baskets
  GROUP BY as_of, user_id
),
base AS (
  SELECT as_of, COUNT(*) AS customers
  FROM buyers
  GROUP BY as_of
),
dates AS (
  SELECT as_of
  FROM users
  GROUP BY as_of
),
joined AS (
  SELECT
    u.as_of,
    w.window_days,
    u.user_id,
    NULLIF(u.referrer_id, u.user_id) AS referrer_id,
    b.spend
  FROM users u
  JOIN windows w ON u.as_of_day - CAST(CAST(u.signed_up_at AS DATE) - DATE '1970-01-01' AS INTEGER) <= w.window_days
  LEFT JOIN buyers b ON b.as_of = u.as_of AND b.user_id = u.user_id
),
sums AS (
  SELECT
    as_of,
    window_days,
    COUNT(*) AS sign_ups,
    COUNT(referrer_id) AS referred,
    COUNT(*) FILTER (WHERE referrer_id IS NOT NULL AND spend IS NOT NULL) AS referred_buyers,
    CAST(COALESCE(SUM(spend) FILTER (WHERE referrer_id IS NOT NULL), 0) AS DOUBLE) AS referred_spend,
    COUNT(DISTINCT referrer_id) AS referrers
  FROM joined
  GROUP BY as_of, window_days
)
SELECT
  d.as_of,
  CAST(w.window_days AS INTEGER) AS window_days,
  COALESCE(s.sign_ups, 0) AS sign_ups,
  COALESCE(s.referred, 0) AS referred,
  COALESCE(s.referred_buyers, 0) AS referred_buyers,
  COALESCE(s.referred_spend, 0) AS referred_spend,
  COALESCE(s.referrers, 0) AS referrers,
  COALESCE(b.customers, 0) AS customers
FROM dates d
CROSS JOIN windows w
LEFT JOIN sums s ON s.as_of = d.as_of AND s.window_days = w.window_days
LEFT JOIN base b ON b.as_of = d.as_of
ORDER BY d.as_of, window_days
