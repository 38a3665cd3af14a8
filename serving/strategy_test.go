package serving

import (
	"errors"
	"strings"
	"testing"

	"regulars/models"
	"regulars/models/snapshot"
)

// storied is the tiny shop with reasons, lists by name and some titles.
func storied() shop {
	sh := tiny()
	sh.items[0].Title, sh.items[4].Brand, sh.items[2].Category = "Teapot", "Acme", "Cups"
	reason := func(kind models.ReasonKind, of int32) snapshot.Reason { return snapshot.Reason{Kind: kind, Of: of} }
	sh.users["ann"] = snapshot.User{
		Candidates: []snapshot.Candidate{{Item: 1, Score: .9, Strategy: 1, Reason: reason(models.ReasonBought, 0)},
			{Item: 4, Score: .8, Strategy: 1, Reason: reason(models.ReasonBrand, 0)}, {Item: 2, Score: .7, Strategy: 1, Reason: reason(models.ReasonCategory, 0)},
			{Item: 0, Score: .6, Reason: reason(models.ReasonUsual, 30)}, {Item: 5, Score: .5, Strategy: 1, Reason: reason(models.ReasonTogether, 5)}},
		Lists: [][]snapshot.Candidate{{{Item: 0, Score: 3, Reason: reason(models.ReasonUsual, 1)}, {Item: 3, Score: 2, Reason: reason(models.ReasonAgain, 0)}}, nil,
			{{Item: 5, Score: 1, Strategy: 1, Reason: reason(models.ReasonSimilar, 0)}}}}
	sh.regions = [][]snapshot.Candidate{{{Item: 2, Score: .6, Strategy: 3, Reason: reason(models.ReasonRegion, 0)}},
		{{Item: 3, Score: .9, Strategy: 3, Reason: reason(models.ReasonRegion, 0)}, {Item: 5, Score: .5, Strategy: 3, Reason: reason(models.ReasonRegion, 0)}}}
	ann, cold := sh.users["ann"], sh.users["new"]
	ann.Groups, cold.Groups = []int32{0, 0, 0, 1}, []int32{0, 0, 0, 2}
	sh.users["ann"], sh.users["new"] = ann, cold
	sh.trending = []snapshot.Candidate{{Item: 5, Score: 4, Strategy: 2, Reason: reason(models.ReasonTrending, 0)}}
	sh.together = map[int32][]snapshot.Candidate{0: {{Item: 2, Score: .5, Reason: reason(models.ReasonTogether, 0)}}}
	return sh
}

// spoken writes a list as "id:strategy reason; …".
func spoken(l List, lang Lang) string {
	var out []string
	for _, it := range l.Items {
		out = append(out, it.ID+":"+it.Strategy+" "+it.Reason.Text(lang))
	}
	if l.Fallback {
		out = append(out, "!")
	}
	return strings.Join(out, "; ")
}

func TestStrategiesAndReasons(t *testing.T) {
	s := load(t, storied())
	user := func(id, strategy string, k int) func() (List, error) {
		return func() (List, error) { return s.Recommend(id, Ask{K: k, Strategy: strategy}) }
	}
	item := func(id, strategy string, k int) func() (List, error) {
		return func() (List, error) { l, _, err := s.Similar(id, Ask{K: k, Strategy: strategy}); return l, err }
	}
	basket := func(strategy string, items ...string) func() (List, error) {
		return func() (List, error) { l, _, err := s.Basket(items, "", Ask{K: 2, Strategy: strategy}); return l, err }
	}
	for name, c := range map[string]struct {
		ask    func() (List, error)
		en, zh string
	}{
		"the shop's choice": {user("ann", "", 5),
			"b:ials because you bought Teapot; e:ials new in a brand you buy (Acme); c:ials new in a category you buy (Cups); a:repeat usual every 30 days; f:ials bought together with f",
			"b:ials 因为您买过Teapot; e:ials 您常买的品牌Acme的新品; c:ials 您常买的品类Cups的新品; a:repeat 您通常每30天购买; f:ials 常与f一起购买"},
		"the shop's choice by name": {user("ann", "blend", 1), "b:ials because you bought Teapot", "b:ials 因为您买过Teapot"},
		"filled up, out of stock left out": {user("ann", "repeat", 3), "a:repeat usual every day; c:popular-region popular in your region; b:popular popular now",
			"a:repeat 您通常每天购买; c:popular-region 您所在地区热销; b:popular 当前热销"},
		"by another name":    {user("ann", "again", 1), "a:repeat usual every day", "a:repeat 您通常每天购买"},
		"a list at the end":  {user("ann", "discovery", 1), "f:ials customers like you buy it", "f:ials 与您相似的顾客也在购买"},
		"shared":             {user("nobody", "trending", 2), "f:trending trending; b:popular popular now", "f:trending 人气上升; b:popular 当前热销"},
		"popular by name":    {user("ann", "popular", 1), "b:popular popular now", "b:popular 当前热销"},
		"of a region":        {user("ann", "popular-region", 2), "c:popular-region popular in your region; b:popular popular now", "c:popular-region 您所在地区热销; b:popular 当前热销"},
		"of another region":  {user("new", "popular-region", 1), "f:popular-region popular in your region", "f:popular-region 您所在地区热销"},
		"of no region":       {user("bob", "popular-region", 1), "b:popular popular now; !", "b:popular 当前热销; !"},
		"region unknown":     {user("nobody", "popular-region", 1), "b:popular popular now; !", "b:popular 当前热销; !"},
		"of an unknown one":  {user("nobody", "repeat", 1), "b:popular popular now; !", "b:popular 当前热销; !"},
		"down to the shelf":  {user("nobody", "ials", 5), "b:popular popular now; a:popular popular now; c:popular popular now; e:catalogue from the catalogue; f:catalogue from the catalogue; !", "b:popular 当前热销; a:popular 当前热销; c:popular 当前热销; e:catalogue 店内在售商品; f:catalogue 店内在售商品; !"},
		"similar":            {item("a", "", 1), "b:ials customers of Teapot buy it", "b:ials 购买Teapot的顾客也买"},
		"bought together":    {item("a", "together", 1), "c:repeat bought together with Teapot", "c:repeat 常与Teapot一起购买"},
		"basket":             {basket("", "a"), "b:ials because of Teapot in your basket; c:popular popular now", "b:ials 因为购物车中有Teapot; c:popular 当前热销"},
		"basket by together": {basket("together", "a"), "c:repeat bought together with Teapot; b:popular popular now", "c:repeat 常与Teapot一起购买; b:popular 当前热销"},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := c.ask()
			if err != nil || spoken(l, English) != c.en || spoken(l, Chinese) != c.zh {
				t.Errorf("%s\n%s\n%v, want\n%s\n%s", spoken(l, English), spoken(l, Chinese), err, c.en, c.zh)
			}
			if spoken(l, "fr") != c.en {
				t.Errorf("an unknown language is %s", spoken(l, "fr"))
			}
		})
	}
	for name, c := range map[string]struct {
		ask  func() (List, error)
		want string
	}{
		"of a customer": {user("ann", "svd", 1), `there is no strategy "svd": those there are: blend, popular, repeat (again), trending, ials (discovery), popular-region`},
		"of an item":    {item("a", "trending", 1), `there is no strategy "trending": those there are: ials (similar), repeat (together)`},
		"of a basket":   {basket("blend", "a"), `there is no strategy "blend": those there are: ials (similar), repeat (together)`},
	} {
		_, err := c.ask()
		var unknown *UnknownStrategyError
		if !errors.As(err, &unknown) || err.Error() != c.want {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
}

// Every kind has words in both languages, and those that are about something say so.
func TestEveryReasonHasWords(t *testing.T) {
	all := append([]string{KindAlike, KindBasket, KindViewed, KindPinned, KindCatalogue}, kinds[:]...)
	for _, lang := range []Lang{English, Chinese} {
		said := map[string]string{}
		for _, kind := range all {
			text := Reason{Kind: kind, Title: "T", Name: "T", Days: 7}.Text(lang)
			if other, twice := said[text]; text == "" || twice {
				t.Errorf("%s: %s says %q, as does %q", lang, kind, text, other)
			}
			said[text] = kind
		}
	}
}
