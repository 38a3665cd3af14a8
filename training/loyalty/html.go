package loyalty

import (
	"io"

	"regulars/training/page"
)

// WriteHTML writes the report as one page that needs nothing else: no script,
// no style sheet, no image. All data is escaped.
func (r *Report) WriteHTML(w io.Writer, lang page.Lang) error {
	return page.Page{Lang: lang, Title: lang.Say("Loyalty report", "忠诚度报告"),
		Subtitle: lang.Say("What was known before "+r.AsOf+" 00:00 UTC", "截至 "+r.AsOf+" 00:00（UTC）之前的数据"), Sections: r.View(lang)}.Write(w)
}
