-- group: complaint_themes
-- entity: shop
-- doc: What customers complain about: feedback of kind complaint in the 365 days before as_of, by theme. The theme is the first word of the text, up to the first blank or punctuation, in lower case and at most 16 characters; empty without a text.
-- needs: feedback
-- key: theme VARCHAR - | The theme.
-- column: complaints_30d BIGINT complaints | In the 30 days before as_of.
-- column: complaints_90d BIGINT complaints | In the 90 days before as_of.
-- column: complaints_365d BIGINT complaints | In the 365 days before as_of.
-- column: customers_365d BIGINT customers | Customers who made them.
WITH cleaned AS (
  SELECT
    as_of,
    user_id,
    as_of_day - day AS age,
    RPAD(TRIM(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(REPLACE(LOWER(SUBSTR(COALESCE(text, ''), 1, 100)), ':', ' '), ',', ' '), '.', ' '), ';', ' '), '!', ' '), '?', ' '), '：', ' '), '，', ' '), '。', ' '), '；', ' '), '！', ' '), '？', ' ')), 17, ' ') AS words
  FROM feedback
  WHERE kind = 'complaint' AND as_of_day - day <= 365
),
themes AS (
  SELECT
    as_of,
    user_id,
    age,
    CASE
      WHEN SUBSTR(words, 1, 1) = ' ' THEN ''
      WHEN SUBSTR(words, 2, 1) = ' ' THEN SUBSTR(words, 1, 1)
      WHEN SUBSTR(words, 3, 1) = ' ' THEN SUBSTR(words, 1, 2)
      WHEN SUBSTR(words, 4, 1) = ' ' THEN SUBSTR(words, 1, 3)
      WHEN SUBSTR(words, 5, 1) = ' ' THEN SUBSTR(words, 1, 4)
      WHEN SUBSTR(words, 6, 1) = ' ' THEN SUBSTR(words, 1, 5)
      WHEN SUBSTR(words, 7, 1) = ' ' THEN SUBSTR(words, 1, 6)
      WHEN SUBSTR(words, 8, 1) = ' ' THEN SUBSTR(words, 1, 7)
      WHEN SUBSTR(words, 9, 1) = ' ' THEN SUBSTR(words, 1, 8)
      WHEN SUBSTR(words, 10, 1) = ' ' THEN SUBSTR(words, 1, 9)
      WHEN SUBSTR(words, 11, 1) = ' ' THEN SUBSTR(words, 1, 10)
      WHEN SUBSTR(words, 12, 1) = ' ' THEN SUBSTR(words, 1, 11)
      WHEN SUBSTR(words, 13, 1) = ' ' THEN SUBSTR(words, 1, 12)
      WHEN SUBSTR(words, 14, 1) = ' ' THEN SUBSTR(words, 1, 13)
      WHEN SUBSTR(words, 15, 1) = ' ' THEN SUBSTR(words, 1, 14)
      WHEN SUBSTR(words, 16, 1) = ' ' THEN SUBSTR(words, 1, 15)
      ELSE SUBSTR(words, 1, 16)
    END AS theme
  FROM cleaned
)
SELECT
  as_of,
  theme,
  COUNT(*) FILTER (WHERE age <= 30) AS complaints_30d,
  COUNT(*) FILTER (WHERE age <= 90) AS complaints_90d,
  COUNT(*) AS complaints_365d,
  COUNT(DISTINCT user_id) AS customers_365d
FROM themes
GROUP BY as_of, theme
ORDER BY as_of, theme
