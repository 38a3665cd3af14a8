package ranking

import (
	"context"
	"math"
	"slices"

	"regulars/features/matrix"
	"regulars/models"
	"regulars/models/bpr"
	"regulars/models/content"
	"regulars/models/ease"
	"regulars/models/ials"
	"regulars/models/itemknn"
	"regulars/models/personal"
	"regulars/models/popular"
	"regulars/models/repeat"
	"regulars/models/rules"
	"regulars/models/spectral"
	"regulars/models/tifuknn"
)

// recentDays is the window of recent popularity.
const recentDays = 60

// Families lists every family, baselines first. What a search may try spans
// what shops and published data sets have been found to need. A family that
// learns from the others (a blend) belongs at the end: its fit may call theirs.
func Families() []Family {
	all := []Family{
		baseline(newFamily("popular", fitPopular)),
		baseline(newFamily("popular-recent", fitPopular).by(popular.Options{WindowDays: recentDays})),
		baseline(newFamily("personal", fitPersonal)),
		newFamily("repeat", from(repeat.Fit),
			dated(between("half_life_days", 30, 720)), between("prior", 0.01, 1), dated(between("recent_days", 2, 60)),
			within("availability", 0, 1), dated(among("timing", "0", "0.5", "1", "1.5"))),
		newFamily("ials", from(ials.Fit),
			among("factors", "32", "64", "128"), among("iterations", "6", "10", "16"), between("alpha", 0.3, 100), between("unobserved", 0.03, 10),
			between("regularization", 1e-4, 0.1), dated(among("half_life_days", "0", "30", "60", "120", "240"))),
		newFamily("ease", from(ease.Fit),
			between("l2", 30, 5000), among("weighted", "false", "true"), dated(among("half_life_days", "0", "60", "120", "240", "480"))),
		newFamily("itemknn", from(itemknn.Fit),
			among("kind", "rp3beta", "bm25", "cosine"), among("neighbours", "50", "100", "200", "400"), among("shrink", "0", "1", "5", "20"),
			within("alpha", 0.2, 1.2), within("beta", 0, 0.8), between("k1", 0.3, 5), within("b", 0.1, 1),
			dated(among("half_life_days", "0", "60", "120", "240"))),
		described(newFamily("content", fitContent,
			within("title", 0, 1), within("category", 0, 1), within("brand", 0, 1), within("price", 0, 0.5), within("tags", 0, 1),
			among("min_items", "1", "2", "3"), among("profile_terms", "100", "300", "1000"), dated(among("half_life_days", "30", "60", "120", "360")))),
		newFamily("rules", from(rules.Fit),
			among("max_items", "2", "3"), between("min_confidence", 0.005, 0.2), within("min_lift", 0, 2), between("smoothing", 1, 200),
			dated(among("window_days", "0", "180", "365")), dated(among("recent_baskets", "1", "2", "3", "5", "10"))),
		newFamily("bpr", from(bpr.Fit),
			among("factors", "32", "64", "128"), among("epochs", "50", "100", "200"), between("learning_rate", 0.01, 0.2),
			between("regularization", 1e-4, 0.1), dated(among("half_life_days", "0", "60", "120", "240"))),
		needsDays(newFamily("trending", fitTrending,
			among("window_days", "3", "7", "14", "30"), among("before_days", "30", "90", "180", "365"), between("smoothing", 1, 100))),
		grouped(newFamily("popular-group", fitGroups,
			dated(among("window_days", "0", "30", "60", "120", "240")), between("shrink", 3, 3000))),
		newFamily("tifuknn", from(tifuknn.Fit),
			dated(among("group_size", "1", "2", "3", "5")), dated(within("within_decay", 0.5, 1)), dated(within("group_decay", 0.5, 1)),
			among("neighbours", "50", "100", "300", "900"), within("alpha", 0, 1)),
		newFamily("spectral", from(spectral.Fit),
			among("factors", "64", "128", "256"), within("sharpening", 0, 1), between("smoothing", 0.005, 0.5), within("user_norm", 0, 0.5),
			within("history_norm", -0.3, 0.6), within("score_norm", -0.3, 0.6), among("weighted", "false", "true"),
			dated(among("half_life_days", "0", "60", "120", "240"))),
	}
	return append(all, newBlend(all))
}

func baseline(f Family) Family {
	f.Baseline = true
	return f
}

// by gives a family defaults of its own.
func (f Family) by(options any) Family {
	f.Options = options
	return f
}

func fitPopular(ctx context.Context, d *Data, now int32, o popular.Options, _ func(done, total int)) (models.Recommender, error) {
	return popular.Fit(ctx, d.Events, now, o)
}

// needsDays marks a family that has no meaning without days.
func needsDays(f Family) Family {
	f.Lacks = func(d *Data) string {
		if !d.Dated {
			return "train has no column ts"
		}
		return ""
	}
	return f
}

func fitTrending(ctx context.Context, d *Data, now int32, o popular.TrendOptions, _ func(done, total int)) (models.Recommender, error) {
	return popular.FitTrending(ctx, d.Events, now, o)
}

func fitPersonal(ctx context.Context, d *Data, now int32, o personal.Options, _ func(done, total int)) (models.Recommender, error) {
	return personal.Fit(ctx, d.Events, now, o)
}

// described marks a family that reads what items are like.
func described(f Family) Family {
	f.Lacks = func(d *Data) string {
		if d.Items == nil {
			return "there is no file of what items are like (--items)"
		}
		if !slices.ContainsFunc(d.Items.IDs, func(id string) bool { _, ok := d.IDs.Lookup(id); return ok }) {
			return "the file of what items are like has none of the items of train"
		}
		return ""
	}
	return f
}

func fitContent(ctx context.Context, d *Data, now int32, o content.Options, progress func(done, total int)) (models.Recommender, error) {
	return content.Fit(ctx, d.Events, attributes(d), now, o, progress)
}

// attributes puts what items are like in the order of the vocabulary. Of an item
// that the file does not have nothing is known.
func attributes(d *Data) content.Attributes {
	place := numbers(d.Items.IDs, d.IDs)
	return content.Attributes{Title: align(d, place, d.Items.Title, ""), Category: align(d, place, d.Items.Category, ""),
		Brand: align(d, place, d.Items.Brand, ""), Price: align(d, place, d.Items.Price, math.NaN()), Tags: align(d, place, d.Items.Tags, nil)}
}

func align[T any](d *Data, place []int32, values []T, unknown T) []T {
	if values == nil {
		return nil
	}
	out := slices.Repeat([]T{unknown}, d.IDs.Len())
	for i, p := range place {
		if p >= 0 {
			out[p] = values[i]
		}
	}
	return out
}

// from makes a fitter of the Fit that most families' packages have.
func from[O any, M models.Recommender](fit func(context.Context, *matrix.Events, int32, O, func(done, total int)) (M, error)) fitter[O] {
	return func(ctx context.Context, d *Data, now int32, o O, progress func(done, total int)) (models.Recommender, error) {
		return fit(ctx, d.Events, now, o, progress)
	}
}
