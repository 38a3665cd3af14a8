package serving

import (
	"strconv"

	"regulars/models"
	"regulars/models/snapshot"
)

// Lang is a language that reasons are worded in.
type Lang string

// The languages there are.
const (
	English Lang = "en"
	Chinese Lang = "zh"
)

// Kinds of reasons.
const (
	KindPopular   = "popular"   // many buy it
	KindTrending  = "trending"  // more buy it than before
	KindAgain     = "again"     // bought before
	KindUsual     = "usual"     // bought every Days days
	KindBought    = "bought"    // because the customer bought Item
	KindTogether  = "together"  // bought together with Item
	KindBrand     = "brand"     // new in the brand Name, which the customer buys
	KindCategory  = "category"  // new in the category Name, which the customer buys
	KindSimilar   = "similar"   // customers alike buy it
	KindRegion    = "region"    // many buy it in the customer's region
	KindChannel   = "channel"   // many buy it through the customer's usual channel
	KindSegment   = "segment"   // many customers at the same stage buy it
	KindAlike     = "alike"     // customers of Item buy it
	KindBasket    = "basket"    // because Item is in the basket
	KindViewed    = "viewed"    // because the customer looked at Item lately
	KindPinned    = "pinned"    // the shop wants it there
	KindCatalogue = "catalogue" // in stock, and nothing speaks for it
)

// kinds are those of a snapshot by number.
var kinds = [...]string{
	models.ReasonPopular: KindPopular, models.ReasonTrending: KindTrending, models.ReasonAgain: KindAgain, models.ReasonUsual: KindUsual,
	models.ReasonBought: KindBought, models.ReasonTogether: KindTogether, models.ReasonBrand: KindBrand, models.ReasonCategory: KindCategory,
	models.ReasonSimilar: KindSimilar, models.ReasonRegion: KindRegion, models.ReasonChannel: KindChannel, models.ReasonSegment: KindSegment,
}

// Reason says why an item is on a list. What a kind does not have is empty.
type Reason struct {
	Kind   string
	ItemID string
	Title  string // of that item; its id where no title is known
	Days   int
	Name   string // of a brand or category
}

// phrase words a kind: one text where it always says the same, else what stands
// before and after what it is about.
type phrase struct{ before, after string }

var wording = map[Lang]map[string]phrase{
	English: {
		KindPopular: {"popular now", ""}, KindTrending: {"trending", ""}, KindAgain: {"bought before", ""},
		KindUsual: {"usual every ", " days"}, KindBought: {"because you bought ", ""}, KindTogether: {"bought together with ", ""},
		KindBrand: {"new in a brand you buy (", ")"}, KindCategory: {"new in a category you buy (", ")"},
		KindSimilar: {"customers like you buy it", ""}, KindAlike: {"customers of ", " buy it"},
		KindRegion: {"popular in your region", ""}, KindChannel: {"popular in the channel you usually use", ""},
		KindSegment: {"popular with customers at your stage", ""},
		KindBasket:  {"because of ", " in your basket"}, KindViewed: {"because you looked at ", ""}, KindPinned: {"picked by the shop", ""}, KindCatalogue: {"from the catalogue", ""},
	},
	Chinese: {
		KindPopular: {"当前热销", ""}, KindTrending: {"人气上升", ""}, KindAgain: {"您曾购买过", ""},
		KindUsual: {"您通常每", "天购买"}, KindBought: {"因为您买过", ""}, KindTogether: {"常与", "一起购买"},
		KindBrand: {"您常买的品牌", "的新品"}, KindCategory: {"您常买的品类", "的新品"},
		KindSimilar: {"与您相似的顾客也在购买", ""}, KindAlike: {"购买", "的顾客也买"},
		KindRegion: {"您所在地区热销", ""}, KindChannel: {"您常用渠道热销", ""}, KindSegment: {"同阶段顾客热销", ""},
		KindBasket: {"因为购物车中有", ""}, KindViewed: {"因为您看过", ""}, KindPinned: {"店铺精选", ""}, KindCatalogue: {"店内在售商品", ""},
	},
}

// daily is said instead of "every 1 days".
var daily = map[Lang]string{English: "usual every day", Chinese: "您通常每天购买"}

// known is English for a language that there is none of.
func (l Lang) known() Lang {
	if _, ok := wording[l]; !ok {
		return English
	}
	return l
}

// Text words the reason; a language that is not known is English.
func (r Reason) Text(lang Lang) string { return string(r.AppendText(nil, lang)) }

// AppendText appends what Text returns.
func (r Reason) AppendText(b []byte, lang Lang) []byte {
	lang = lang.known()
	w := wording[lang][r.Kind]
	switch r.Kind {
	case KindUsual:
		if r.Days == 1 {
			return append(b, daily[lang]...)
		}
		return append(strconv.AppendInt(append(b, w.before...), int64(r.Days), 10), w.after...)
	case KindBought, KindTogether, KindAlike, KindBasket, KindViewed:
		return append(append(append(b, w.before...), r.Title...), w.after...)
	case KindBrand, KindCategory:
		return append(append(append(b, w.before...), r.Name...), w.after...)
	}
	return append(b, w.before...)
}

// reason turns a candidate's reason into ids and titles.
func (v *view) reason(c snapshot.Candidate) Reason {
	if c.Strategy == v.rest {
		return Reason{Kind: KindCatalogue}
	}
	r := Reason{Kind: kinds[c.Reason.Kind]}
	switch c.Reason.Kind {
	case models.ReasonUsual:
		r.Days = int(c.Reason.Of)
	case models.ReasonBought, models.ReasonTogether:
		return v.about(r.Kind, c.Reason.Of)
	case models.ReasonBrand:
		r.Name = v.snap.ItemAt(c.Item).Brand
	case models.ReasonCategory:
		r.Name = v.snap.ItemAt(c.Item).Category
	}
	return r
}

// about is a reason of a kind that names an item.
func (v *view) about(kind string, item int32) Reason {
	it := v.snap.ItemAt(item)
	r := Reason{Kind: kind, ItemID: it.ID, Title: it.Title}
	if r.Title == "" {
		r.Title = it.ID
	}
	return r
}
