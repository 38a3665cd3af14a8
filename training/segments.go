package training

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"regulars/data"
	"regulars/features"
	"regulars/features/matrix"
	"regulars/features/read"
	"regulars/models/artifact"
	"regulars/models/kmeans"
	"regulars/training/options"
)

// RoleClusters names the behavioural clusters of customers in the registry.
const RoleClusters = "clusters"

// Files of published clusters.
const (
	centroidsFile   = "centroids.parquet"   // cluster, one column a feature: standardised
	assignmentsFile = "assignments.parquet" // user_id, cluster, distance
	describedFile   = "description.json"    // ClusterReport
	clusterTraits   = 5                     // named of each cluster
	leastKnown      = 0.2                   // a feature that fewer customers have is left out
)

// ClusterReport is what the clusters of a date are like.
type ClusterReport struct {
	AsOf     string           `json:"as_of"`
	Version  string           `json:"version,omitempty"`
	Users    int              `json:"users"`
	Features int              `json:"features"` // columns that the clusters were found by
	Choices  []kmeans.Choice  `json:"choices"`  // mean silhouette by number of clusters
	Clusters []ClusterSummary `json:"clusters"`
}

// ClusterSummary is one cluster, the largest first.
type ClusterSummary struct {
	Cluster int            `json:"cluster"` // from 0, as in the assignments
	Users   int            `json:"users"`
	Share   float64        `json:"share"`
	Traits  []ClusterTrait `json:"traits"`
	English string         `json:"text_en"`
	Chinese string         `json:"text_zh"`
}

// ClusterTrait is a feature that sets the cluster apart.
type ClusterTrait struct {
	Feature    string   `json:"feature"`
	Meaning    string   `json:"meaning"`
	Difference float64  `json:"difference"`        // in standard deviations, against all others
	Inside     *float64 `json:"inside,omitempty"`  // typical value where known, see kmeans.Trait
	Outside    *float64 `json:"outside,omitempty"` // likewise of all others
}

// Clusters groups the customers at as_of by their features, which must be built,
// publishes the clusters as a version of RoleClusters and makes it the champion.
// groups documents the features.
func (p *Pipeline) Clusters(ctx context.Context, groups []features.Group, o kmeans.Options) (*ClusterReport, error) {
	p.step("reading features", 0, 1)
	table, err := read.Users(p.featureRoot(), clusterGroups(groups, p.featureRoot(), p.Options.AsOf), p.Options.AsOf)
	if err != nil {
		return nil, err
	}
	x := known(table.X)
	o.Seed, o.Workers = p.Options.Seed, p.Options.Workers
	p.step("clustering customers", 0, 1)
	model, err := kmeans.Fit(ctx, x, o)
	if err != nil {
		return nil, fmt.Errorf("clustering the customers at %s: %w", p.Options.AsOf, err)
	}
	cluster, distance := make([]int32, x.Rows), make([]float64, x.Rows)
	if err := model.Assign(x, cluster, distance); err != nil {
		return nil, err
	}
	described, err := model.Describe(x, cluster, clusterTraits)
	if err != nil {
		return nil, err
	}
	report := &ClusterReport{AsOf: p.Options.AsOf.String(), Users: x.Rows, Features: len(model.Columns), Choices: model.Choices,
		Clusters: summaries(described, x.Rows, groups)}
	fingerprint, err := p.fingerprint()
	if err != nil {
		return nil, err
	}
	s := &publisher{Pipeline: p, data: fingerprint}
	err = s.store(RoleClusters, "kmeans", "kmeans", options.Describe(o), nil, func(dir string) error {
		return errors.Join(saveCentroids(dir, model), writeJSON(dir, describedFile, report),
			artifact.WriteColumns(filepath.Join(dir, assignmentsFile), artifact.NewColumn("user_id", table.IDs),
				artifact.NewColumn("cluster", cluster), artifact.NewColumn("distance", distance)))
	})
	if err != nil {
		return nil, err
	}
	report.Version = s.done[0].Version
	if err := p.Models.Promote(RoleClusters, report.Version); err != nil {
		return nil, err
	}
	p.step("clustering customers", 1, 1)
	return report, nil
}

// clusterGroups names the customers' groups that have a table at as_of.
func clusterGroups(groups []features.Group, root string, asOf data.Day) []string {
	var out []string
	for _, g := range groups {
		if g.Entity != "user" || g.Label {
			continue
		}
		if _, err := os.Stat(features.Path(root, "user", g.Name, asOf)); err == nil {
			out = append(out, g.Name)
		}
	}
	return out
}

// known leaves out columns that few customers have a value of: clusters would
// tell who has one rather than how customers behave.
func known(x *matrix.Dense) *matrix.Dense {
	var keep []int
	for j := range x.Names {
		n := 0
		for i := range x.Rows {
			if !math.IsNaN(x.Data[i*len(x.Names)+j]) {
				n++
			}
		}
		if float64(n) >= leastKnown*float64(x.Rows) {
			keep = append(keep, j)
		}
	}
	names := make([]string, len(keep))
	for to, j := range keep {
		names[to] = x.Names[j]
	}
	out := matrix.NewDense(x.Rows, names)
	for i := range x.Rows {
		row, into := x.Row(i), out.Row(i)
		for to, j := range keep {
			into[to] = row[j]
		}
	}
	return out
}

func saveCentroids(dir string, m *kmeans.Model) error {
	number := make([]int32, len(m.Centroids))
	for k := range number {
		number[k] = int32(k)
	}
	columns := []artifact.Column{artifact.NewColumn("cluster", number)}
	for j, c := range m.Columns {
		values := make([]float64, len(m.Centroids))
		for k, centroid := range m.Centroids {
			values[k] = centroid[j]
		}
		columns = append(columns, artifact.NewColumn(m.Names[c.Column], values))
	}
	return errors.Join(artifact.WriteColumns(filepath.Join(dir, centroidsFile), columns...),
		writeJSON(dir, parametersFile, struct {
			Names   []string        `json:"names"`
			Columns []kmeans.Column `json:"columns"`
		}{m.Names, m.Columns}))
}

func summaries(described []kmeans.Cluster, users int, groups []features.Group) []ClusterSummary {
	documented := map[string]features.Column{}
	for _, g := range groups {
		for _, c := range g.Features() {
			if g.Entity == "user" {
				documented[c.Name] = c
			}
		}
	}
	out := make([]ClusterSummary, len(described))
	for k, c := range described {
		s := ClusterSummary{Cluster: k, Users: c.Size, Share: float64(c.Size) / float64(users)}
		var english, chinese []string
		for _, t := range c.Traits {
			column := documented[t.Feature]
			s.Traits = append(s.Traits, ClusterTrait{t.Feature, column.Doc, t.Difference, present(t.Inside), present(t.Outside)})
			english = append(english, traitText(t, column, strings.ReplaceAll(t.Feature, "_", " "), "high", "low", "%s %s (%s against %s%s)"))
			chinese = append(chinese, traitText(t, column, chineseName(t.Feature), "偏高", "偏低", "%s%s（%s，其余客户 %s%s）"))
		}
		s.English, s.Chinese = strings.Join(english, "; "), strings.Join(chinese, "；")
		out[k] = s
	}
	return out
}

func present(f float64) *float64 {
	if math.IsNaN(f) {
		return nil
	}
	return &f
}

// traitText says a trait in a few words; the unit is left out where there is none.
func traitText(t kmeans.Trait, c features.Column, name, high, low, form string) string {
	side, unit := high, ""
	if t.Difference < 0 {
		side = low
	}
	if c.Unit != "" && c.Unit != "-" && c.Unit != "ratio" {
		unit = " " + c.Unit
	}
	return fmt.Sprintf(form, name, side, short(t.Inside), short(t.Outside), unit)
}

// chineseNames are the words for features that often set customers apart; the
// days of a window are said by chineseName. Others keep their name.
var chineseNames = map[string]string{
	"recency_days": "距上次下单天数", "frequency": "累计订单数", "order_days": "累计下单天数", "monetary": "累计消费",
	"tenure_days": "距首单天数", "orders": "订单数", "spend": "消费额", "active_days": "下单天数",
	"gap_mean_days": "平均下单间隔", "gap_std_days": "下单间隔波动", "gap_max_days": "最长下单间隔", "gap_last_days": "最近下单间隔",
	"overdue_ratio": "逾期倍数", "lines_per_order": "单均行数", "units_per_order": "单均件数", "value_per_order": "单均消费",
	"value_per_unit": "件均价", "distinct_items": "购买商品种数", "return_lines": "退货行数", "return_value": "退货金额",
	"return_lines_share": "退货行占比", "return_value_share": "退货金额占比", "channels": "下单渠道数", "main_channel_share": "主渠道占比",
	"rfm_sum": "RFM 总分", "recency_score": "近度得分", "frequency_score": "频度得分", "monetary_score": "金额得分",
	"discount_share": "折扣占比", "complaints": "投诉数", "views": "浏览次数", "carts": "加购次数", "searches": "搜索次数",
}

var windowName = regexp.MustCompile(`^([a-z_]+)_(\d+)d$`)

func chineseName(feature string) string {
	if name, ok := chineseNames[feature]; ok {
		return name
	}
	if m := windowName.FindStringSubmatch(feature); m != nil && chineseNames[m[1]] != "" {
		return "近 " + m[2] + " 天" + chineseNames[m[1]]
	}
	return feature
}

// short writes a number with three digits that count.
func short(f float64) string {
	if math.IsNaN(f) {
		return "–"
	}
	if math.Abs(f) >= 1000 {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return strconv.FormatFloat(f, 'g', 3, 64)
}

// PublishedClusters reads the report of the clusters that were found at asOf,
// the champion's if it is of that date; nil when there are none.
func (p *Pipeline) PublishedClusters(asOf data.Day) (*ClusterReport, error) {
	champion, _, err := p.Models.Champion(RoleClusters)
	if err != nil {
		return nil, err
	}
	list, _, err := p.Models.List(RoleClusters)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(m artifact.Manifest) bool { return m.AsOf != asOf.String() })
	if len(list) == 0 {
		return nil, nil
	}
	version := list[len(list)-1].Version
	if slices.ContainsFunc(list, func(m artifact.Manifest) bool { return m.Version == champion }) {
		version = champion
	}
	a, err := p.Models.Open(RoleClusters, version)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(a.Path(describedFile))
	if err != nil {
		return nil, err
	}
	report := &ClusterReport{}
	if err := json.Unmarshal(text, report); err != nil {
		return nil, fmt.Errorf("%s: %w", a.Path(describedFile), err)
	}
	report.Version = version
	return report, nil
}
