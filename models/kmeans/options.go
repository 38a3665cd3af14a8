package kmeans

import (
	"runtime"

	"regulars/models"
)

// Options of Fit. The zero value is the default written at each field.
type Options struct {
	MinClusters int    `json:"min_clusters"` // fewest groups tried; 0 = 2
	MaxClusters int    `json:"max_clusters"` // most groups tried; 0 = 10
	Restarts    int    `json:"restarts"`     // seedings for each number of groups, the best is kept; 0 = 4
	ChoiceRows  int    `json:"choice_rows"`  // rows drawn to choose the number of groups with; 0 = 5,000
	Silhouette  int    `json:"silhouette"`   // rows of these whose silhouette is taken; 0 = 2,000
	Iterations  int    `json:"iterations"`   // of Lloyd, at most; 0 = 300
	Seed        uint64 `json:"seed"`
	Workers     int    `json:"-"` // 0 = GOMAXPROCS; the result does not depend on it
}

func (o Options) resolved() (Options, error) {
	for _, d := range []struct {
		field *int
		value int
	}{{&o.MinClusters, 2}, {&o.MaxClusters, 10}, {&o.Restarts, 4}, {&o.ChoiceRows, 5_000},
		{&o.Silhouette, 2_000}, {&o.Iterations, 300}, {&o.Workers, runtime.GOMAXPROCS(0)}} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
	return o, o.check()
}

func (o Options) check() error {
	bad := func(option string, value int, want string) error {
		return &models.OptionError{Model: "kmeans", Option: option, Value: value, Want: want}
	}
	switch {
	case o.MinClusters < 2:
		return bad("min_clusters", o.MinClusters, "2 or above")
	case o.MaxClusters < o.MinClusters || o.MaxClusters > 100:
		return bad("max_clusters", o.MaxClusters, "at least min_clusters and at most 100")
	case o.Restarts < 1:
		return bad("restarts", o.Restarts, "above 0")
	case o.Silhouette < 10 || o.Silhouette > 10_000:
		return bad("silhouette", o.Silhouette, "from 10 to 10,000: its time grows with the square")
	case o.ChoiceRows < o.Silhouette:
		return bad("choice_rows", o.ChoiceRows, "at least silhouette")
	case o.Iterations < 1:
		return bad("iterations", o.Iterations, "above 0")
	case o.Workers < 1:
		return bad("workers", o.Workers, "0 (all) or above")
	}
	return nil
}
