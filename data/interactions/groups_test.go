package interactions_test

import (
	"reflect"
	"strings"
	"testing"

	"regulars/data/interactions"
)

// The group that most rows of a user name counts, of equals the first by name.
func TestGroups(t *testing.T) {
	path := write(t, "g.csv", []byte("user_id,Channel,spent\n"+
		"a,web,1\nb,store,2\na,app,3\na,app,4\nc,,5\n,web,6\nd,web,7\nd,app,8\nb,,9\n"))
	got, err := interactions.ReadGroups(t.Context(), path, "channel")
	if err != nil {
		t.Fatal(err)
	}
	want := &interactions.Groups{Path: path, Users: []string{"a", "b", "d"}, Group: []int32{2, 1, 2}, Names: []string{"web", "store", "app"},
		Quarantine: got.Quarantine}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
	if q := got.Quarantine; q.Rows != 1 || q.Reasons["user_id is empty"] != 1 {
		t.Errorf("quarantine %+v", q)
	}
	numbers, err := interactions.ReadGroups(t.Context(), write(t, "g.csv", []byte("user_id,region\n1,7\n2,7\n")), "region")
	if err != nil || !reflect.DeepEqual(numbers.Names, []string{"7"}) || !reflect.DeepEqual(numbers.Group, []int32{0, 0}) {
		t.Errorf("groups that are numbers: %+v, %v", numbers, err)
	}
}

func TestBadGroups(t *testing.T) {
	for content, want := range map[string]string{
		"user_id,region\na,x\n":  "has no column group; its columns are user_id, region",
		"user,group\na,x\n":      "has no column user_id",
		"user_id,group\na,\n":    "no row has both user_id and group",
		"user_id,group\n":        "no row has both user_id and group",
		"user_id,group\n,x\n":    "no row has both user_id and group",
		"PAR1 and then nothing.": "not a whole Parquet file",
	} {
		if _, err := interactions.ReadGroups(t.Context(), write(t, "bad", []byte(content)), "group"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, want %q", content, err, want)
		}
	}
}
