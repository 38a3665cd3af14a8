package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"

	"regulars/features"
	"regulars/features/lifecycle"
)

// The stages of every state, written out; * = has repurchased, + = has referred.
const stages = `introduction 引入 导入 获取
activation 激活 导入 激活
growth 成长 成长 成长
maturity 维护 成熟 留存
decline 转移 衰退 流失
lost 转移 衰退 流失
revived 激活 复兴 复购
introduction* 引入 导入 获取
activation* 激活 导入 激活
growth* 成长 成长 复购
maturity* 维护 成熟 留存
decline* 转移 衰退 流失
lost* 转移 衰退 流失
revived* 激活 复兴 复购
introduction*+ 引入 导入 推荐
activation*+ 激活 导入 推荐
growth*+ 成长 成长 推荐
maturity*+ 维护 成熟 推荐
decline*+ 转移 衰退 流失
lost*+ 转移 衰退 流失
revived*+ 激活 复兴 推荐
`

func TestTaxonomies(t *testing.T) {
	var b strings.Builder
	for _, f := range []struct {
		mark  string
		facts lifecycle.Facts
	}{{"", lifecycle.Facts{}}, {"*", lifecycle.Facts{Repurchased: true}}, {"*+", lifecycle.Facts{Repurchased: true, Referrals: 1}}} {
		for _, s := range lifecycle.States() {
			fmt.Fprintf(&b, "%s%s", s, f.mark)
			for _, taxonomy := range lifecycle.Taxonomies() {
				stage, ok := taxonomy.Stage(s, f.facts)
				if !ok {
					t.Errorf("%s: %s has no stage", taxonomy.ID, s)
				}
				b.WriteString(" " + stage.Chinese)
			}
			b.WriteByte('\n')
		}
	}
	if b.String() != stages {
		t.Errorf("got\n%s\nwant\n%s", b.String(), stages)
	}
}

// Every stage can be reached, is named in both languages, and has an id of its own.
func TestStages(t *testing.T) {
	for _, taxonomy := range lifecycle.Taxonomies() {
		reached := map[string]bool{}
		for _, s := range lifecycle.States() {
			for _, f := range []lifecycle.Facts{{}, {Referrals: 2}} {
				stage, _ := taxonomy.Stage(s, f)
				reached[stage.ID] = true
			}
		}
		ids := map[string]bool{}
		for _, stage := range taxonomy.Stages {
			if !reached[stage.ID] || ids[stage.ID] || stage.English == "" || stage.Chinese == "" {
				t.Errorf("%s: stage %+v: reached %v, seen before %v", taxonomy.ID, stage, reached[stage.ID], ids[stage.ID])
			}
			ids[stage.ID] = true
		}
		if stage, ok := taxonomy.Stage("asleep", lifecycle.Facts{Referrals: 1}); ok {
			t.Errorf("%s puts an unknown state at %+v", taxonomy.ID, stage)
		}
	}
}

func TestStates(t *testing.T) {
	for _, s := range lifecycle.States() {
		if back, err := lifecycle.Parse(string(s)); err != nil || back != s || s.Name().Chinese == "" || s.Name().English != string(s) {
			t.Errorf("%s: parsed as %q (%v), named %+v", s, back, err, s.Name())
		}
	}
	if _, err := lifecycle.Parse("asleep"); err == nil || !strings.Contains(err.Error(), "introduction") {
		t.Errorf("an unknown state gives %v", err)
	}
}

// TestStatesAreThoseOfTheFeature: the feature group documents exactly these states.
func TestStatesAreThoseOfTheFeature(t *testing.T) {
	groups, err := features.Catalogue()
	if err != nil {
		t.Fatal(err)
	}
	names := make([]string, 0, 7)
	for _, s := range lifecycle.States() {
		names = append(names, string(s))
	}
	want := strings.Join(names[:6], ", ") + " or " + names[6] + "."
	for _, g := range groups {
		if g.Name == "lifecycle" {
			if g.Columns[1].Name != "state" || g.Columns[1].Doc != want {
				t.Errorf("state is documented as %q, want %q", g.Columns[1].Doc, want)
			}
			return
		}
	}
	t.Error("there is no group lifecycle")
}
