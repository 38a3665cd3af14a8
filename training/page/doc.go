// Package page writes self-contained HTML pages of sections with text, tables and
// charts. Charts are drawn as SVG within the page: there is no script, no style
// sheet, font or image from elsewhere. Pages follow the reader's light or dark
// setting and print on paper; all data is escaped.
package page
