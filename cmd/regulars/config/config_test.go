package config

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"regulars/serving/placement"
)

func TestDefaultFileSaysTheDefaults(t *testing.T) {
	got, err := parse([]byte(DefaultYAML))
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, Default()) {
		t.Errorf("default.yaml reads as\n%+v, Default() is\n%+v", got, Default())
	}
}

// TestExamplesOfTheDefaultFile reads what stands there behind # for audiences and
// placements, and looks for every field that they may have.
func TestExamplesOfTheDefaultFile(t *testing.T) {
	var text strings.Builder
	for line := range strings.Lines(DefaultYAML) {
		if example, ok := strings.CutPrefix(line, "#   "); ok {
			text.WriteString("  " + example)
		}
		if line == "audiences: {}\n" || line == "placements: []\n" {
			name, _, _ := strings.Cut(line, " ")
			examples := text.String()
			text.Reset()
			c, err := parse([]byte(name + "\n" + examples))
			if err == nil {
				err = c.Validate()
			}
			if err != nil || len(c.Audiences)+len(c.Placements) != 1 {
				t.Errorf("the examples of %s read as %+v: %v", name, c, err)
			}
			for _, field := range map[string][]string{"audiences:": fieldsOf(Audience{}),
				"placements:": slices.Concat(fieldsOf(placement.Definition{}), fieldsOf(placement.Arm{}), fieldsOf(placement.Rule{}))}[name] {
				if !strings.Contains(examples, field+":") {
					t.Errorf("no example of %s has %s", name, field)
				}
			}
		}
	}
	if text.Len() > 0 {
		t.Errorf("examples of nothing: %s", text.String())
	}
}

func fieldsOf(v any) (names []string) {
	for t, i := reflect.TypeOf(v), 0; i < t.NumField(); i++ {
		names = append(names, t.Field(i).Tag.Get("yaml"))
	}
	return names
}

// Every bad file of testdata states, in its first line, what the error must say.
func TestBadFiles(t *testing.T) {
	files, err := filepath.Glob("testdata/*.bad.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no bad files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			first, _, _ := strings.Cut(string(text), "\n")
			want := strings.TrimPrefix(first, "# want: ")
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, FileName), text, 0o600); err != nil {
				t.Fatal(err)
			}
			_, err = Load(dir, nil)
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Fatalf("error %v, want it to say %q", err, want)
			}
			if !strings.Contains(err.Error(), FileName) {
				t.Errorf("error %v does not name the file", err)
			}
		})
	}
}

func TestEnvironmentOverrides(t *testing.T) {
	c, err := Load(t.TempDir(), []string{"REGULARS_SERVE_ADDR=127.0.0.1:9", "REGULARS_TRAINING_HORIZON_DAYS=60",
		"REGULARS_SCHEDULE_GRACE=5s", "REGULARS_RUN_ID=x", "HOME=/root"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Serve.Addr != "127.0.0.1:9" || c.Training.HorizonDays != 60 || time.Duration(c.Schedule.Grace) != 5*time.Second {
		t.Errorf("overrides not taken: %+v", c)
	}
	for bad, want := range map[string]string{
		"REGULARS_SERVE_ADR=x":                   "names no field",
		"REGULARS_TRAINING_HORIZON_DAYS=ten":     `"ten" is not a int`,
		"REGULARS_SERVE_FLUSH=often":             `"often" is not a length of time`,
		"REGULARS_SERVE_REFRESH=1":               `"1" is not a length of time`,
		"REGULARS_AUDIENCES={all: {filtre: x}}":  `unknown field "filtre"`,
		"REGULARS_PLACEMENTS=[{name: a, kk: 3}]": `unknown field "kk"`,
	} {
		name, _, _ := strings.Cut(bad, "=")
		if _, err := Load(t.TempDir(), []string{bad}); err == nil || !strings.Contains(err.Error(), name) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want the variable and %s", bad, err, want)
		}
	}
}

func TestDurations(t *testing.T) {
	for text, want := range map[string]time.Duration{"3d": 72 * time.Hour, "90s": 90 * time.Second, "1h30m": 90 * time.Minute, "0": 0, "0s": 0} {
		c, err := parse([]byte("serve: {stale_after: " + text + "}"))
		if err != nil || time.Duration(c.Serve.StaleAfter) != want {
			t.Errorf("stale_after: %s is %v (%v), want %v", text, c.Serve.StaleAfter, err, want)
		}
	}
	for _, text := range []string{"", "d", "-3d", "1.5d", "99999d", "5", "3 d"} {
		if d, err := ParseDuration(text); err == nil {
			t.Errorf("%q is read as %v", text, d)
		}
	}
}
